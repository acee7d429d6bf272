// SPDX-License-Identifier: Apache-2.0
// The warnings of `serverd --check`: doubts, and programs that could not be started if a client came now.

internal import Descriptors
internal import Glibc
internal import Policy
package import ServiceConfig
internal import SystemPackage

extension Configuration {
    /// A line for each doubtful thing, such as `services.d/git.toml:1: warning: …`, for `serverd --check`.
    ///
    /// None of them keeps the daemon from starting: a program may be installed before its first client comes. It looks
    /// at the file system, which may block.
    package func warnings(at location: ConfigurationLocation) -> [String] {
        doubts(at: location).map { "warning: \(SafeText.escape($0.text))" }
            + services.filter(\.isEnabled).compactMap { service in
                guard case .program(let program) = service.handler, let doubt = Self.doubt(about: program.path) else {
                    return nil
                }
                let place = "\(SafeText.escape(service.origin.file)):\(service.origin.line)"
                return "\(place): warning: service `\(service.name)`: \(SafeText.escape(program.path)) \(doubt)"
            }
    }

    /// What would keep the program at `path` from being executed; nil when nothing is seen.
    private static func doubt(about path: String) -> String? {
        var status = stat()
        guard stat(path, &status) == 0 else { return "cannot be executed: \(Errno(rawValue: errno).textWithName)" }
        guard status.st_mode & S_IFMT == S_IFREG else { return "is not a regular file" }
        return status.st_mode & 0o111 == 0 ? "is not executable" : nil
    }
}
