// SPDX-License-Identifier: Apache-2.0
// Loads the whole configuration from the file system: where its files are looked for, in which order.

package import ServiceConfig
internal import SystemPackage

/// Where the configuration is looked for.
package enum ConfigurationLocation: Equatable, Sendable {
    /// The directories in which packages and operators lay it down, the most important first.
    package static let standardTrees = ["/etc/serverd", "/run/serverd", "/usr/lib/serverd"]
    /// The path of `serverd.toml` when none is given.
    package static let defaultPath = "/etc/serverd/serverd.toml"

    /// `serverd.toml` and `services.d` in these directories; a file in an earlier one overrides those of its name in
    /// later ones. None of them need exist.
    case trees([String])
    /// This file, which must exist, and `services.d` beside it, which need not.
    case file(String)

    /// The location for the path that was given to the program.
    ///
    /// The default path stands for the standard trees.
    package init(path: String) {
        self = path == Self.defaultPath ? .trees(Self.standardTrees) : .file(path)
    }
}

/// Loads the configuration.
///
/// It reads files and the user database, which may block: it is called before the loop runs, or on a thread of its
/// own.
///
/// Throws all errors at once: of files that cannot be read, of their text, and of services that are in each other's
/// way.
package func loadConfiguration(
    from location: ConfigurationLocation, context: ConfigurationContext
) throws(ConfigErrors) -> Configuration {
    switch location {
    case .trees(let trees):
        return try Configuration(
            main: mainFile(in: trees), services: ServiceFiles.read(in: trees.map { "\($0)/services.d" }),
            context: context)
    case .file(let path):
        return try Configuration(
            main: mainFile(at: path), services: ServiceFiles.read(in: [directory(of: path) + "/services.d"]),
            context: context)
    }
}

/// The `serverd.toml` of the first tree that has one; nil when it is masked or there is none.
private func mainFile(in trees: [String]) -> SourceFile? {
    for tree in trees {
        switch ConfigurationFile.read("\(tree)/serverd.toml") {
        case .absent: continue
        case .masked: return nil
        case .present(let file): return file
        }
    }
    return nil
}

/// The file that was asked for by name; nil when it is empty.
private func mainFile(at path: String) -> SourceFile? {
    switch ConfigurationFile.read(path) {
    case .absent: ConfigurationFile.unreadable(path, .noSuchFileOrDirectory)
    case .masked: nil
    case .present(let file): file
    }
}

/// What stands before the last slash of a path; the directory that the program runs in for a bare name.
private func directory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return String(path[..<slash])
}
