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

    /// The directories in which the files of services are looked for, the most important first.
    var serviceDirectories: [String] {
        switch self {
        case .trees(let trees): return trees.map { "\($0)/services.d" }
        case .file(let path):
            guard let slash = path.lastIndex(of: "/") else { return ["services.d"] }
            return ["\(path[..<slash])/services.d"]
        }
    }
}

/// Loads the configuration.
///
/// It reads files and the user database, which may block: it is called before the loop runs, or on a thread of its
/// own.
///
/// Of a file that says what it said in `previous` nothing is read but its text.
///
/// Throws all errors at once: of files that cannot be read, of their text, and of services that are in each other's
/// way.
package func loadConfiguration(
    from location: ConfigurationLocation, context: ConfigurationContext, previous: Configuration? = nil
) throws(ConfigErrors) -> Configuration {
    let main =
        switch location {
        case .trees(let trees): mainFile(in: trees)
        case .file(let path): mainFile(at: path)
        }
    return try Configuration(
        main: main, services: ServiceFiles.read(in: location.serviceDirectories), context: context, previous: previous)
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
