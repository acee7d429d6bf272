// SPDX-License-Identifier: Apache-2.0
// Finds the service files in directories of which earlier ones override later ones.

internal import Glibc
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
                for name in try names(in: directory) where paths[name] == nil { paths[name] = "\(directory)/\(name)" }
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

    /// The names in `directory` that end in `.toml`, without hidden ones.
    ///
    /// What editors and dpkg leave behind ends in something else.
    private static func names(in directory: String) throws(Errno) -> [String] {
        guard let stream = opendir(directory) else { throw Errno(rawValue: errno) }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw Errno(rawValue: errno) }
                return names
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".toml"), !name.hasPrefix(".") { names.append(name) }
        }
    }
}
