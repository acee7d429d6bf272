// SPDX-License-Identifier: Apache-2.0
// Finds the service files in directories of which earlier ones override later ones.

internal import Glibc
internal import Policy
internal import ServiceConfig
internal import SystemPackage

/// The search for `*.toml` in `services.d`.
enum ServiceFiles {
    /// Reads the service files of all `directories`, sorted by their names.
    ///
    /// Of files with one name only that of the first directory counts; if it is empty or /dev/null there is no such
    /// file. A directory that does not exist is empty; one that cannot be read is among the results as an unreadable
    /// file.
    static func read(in directories: [String]) -> [SourceFile] {
        var failures: [SourceFile] = []
        var paths: [String: String] = [:]
        for directory in directories {
            do throws(Errno) {
                for bytes in try names(in: directory) where isService(bytes) {
                    guard let name = String(validating: bytes, as: UTF8.self) else {
                        failures.append(unreadable(bytes, in: directory))
                        continue
                    }
                    if paths[name] == nil { paths[name] = "\(directory)/\(name)" }
                }
            } catch {
                if error != .noSuchFileOrDirectory { failures.append(ConfigurationFile.unreadable(directory, error)) }
            }
        }
        let files = paths.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.compactMap { _, path in
            switch ConfigurationFile.read(path) {
            // The directory lists it: it is a symbolic link that leads nowhere.
            case .absent: ConfigurationFile.unreadable(path, .noSuchFileOrDirectory)
            case .masked: nil
            case .present(let file): file
            }
        }
        return failures + files
    }

    /// The files in `directories` that were probably meant to be those of services, but are not, because of their names.
    static func ignored(in directories: [String]) -> [String] {
        directories.flatMap { directory in
            // One that cannot be read is told by what reads the services.
            let names = (try? names(in: directory)) ?? []
            return names.filter { !isService($0) && looksLikeService($0) }.map { "\(directory)/\(SafeText.escape($0))" }
                .sorted()
        }
    }

    /// Whether it is the name of a service's file: it ends in `.toml` and is not hidden.
    ///
    /// What editors and dpkg leave behind ends in something else.
    private static func isService(_ name: [UInt8]) -> Bool {
        name.suffix(5) == Array(".toml".utf8)[...] && name.first != UInt8(ascii: ".")
    }

    /// Whether a configuration might have this name.
    private static func looksLikeService(_ name: [UInt8]) -> Bool {
        guard name.first != UInt8(ascii: "."), let dot = name.lastIndex(of: UInt8(ascii: ".")) else { return false }
        let end = String(decoding: name[(dot + 1)...], as: UTF8.self).lowercased()
        return ["toml", "tml", "conf", "cfg", "ini", "json", "yaml", "yml"].contains(end)
    }

    /// The names in `directory`.
    private static func names(in directory: String) throws(Errno) -> [[UInt8]] {
        guard let stream = opendir(directory) else { throw Errno(rawValue: errno) }
        defer { closedir(stream) }
        var names: [[UInt8]] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw Errno(rawValue: errno) }
                return names
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in Array(bytes.prefix { $0 != 0 }) }
            names.append(name)
        }
    }

    /// A file whose name no path can be made of.
    private static func unreadable(_ name: [UInt8], in directory: String) -> SourceFile {
        let problem = SourceFile.Problem(
            "has a name that is not UTF-8", expected: "NAME.toml, where NAME is that of the service: rename the file")
        return SourceFile(path: "\(directory)/\(SafeText.escape(name))", contents: .failure(problem))
    }
}
