// SPDX-License-Identifier: Apache-2.0
// The warnings of checks and reloads: doubts, and programs that could not be started if a client came now.

internal import Descriptors
internal import Glibc
package import Policy
package import ServiceConfig
internal import SystemPackage

extension Configuration {
    /// The doubts, and the programs that could not be started, for `serverd --check`, a plan and a reload.
    ///
    /// None of them keeps the daemon from starting: a program may be installed before its first client comes. It looks
    /// at the file system, which may block. Of more than ``warningLimit`` the last one only says that there are more.
    package func warnings(_ doubts: [ConfigurationDoubt]) -> [PlacedWarning] {
        var warnings = doubts.prefix(Self.warningLimit + 1).map { PlacedWarning($0.text) }
        for service in services where service.isEnabled && warnings.count <= Self.warningLimit {
            guard case .program(let program) = service.handler, let doubt = Self.doubt(about: program.path) else {
                continue
            }
            warnings.append(
                PlacedWarning(
                    file: service.origin.file, line: service.origin.line,
                    "service `\(service.name)`: \(program.path) \(doubt)"))
        }
        guard warnings.count > Self.warningLimit else { return warnings }
        return warnings.prefix(Self.warningLimit) + [PlacedWarning("there are more warnings, which are not shown")]
    }

    /// The most warnings that are told at once: they have to fit into a reply.
    static let warningLimit = 100

    /// What would keep the program at `path` from being executed; nil when nothing is seen.
    private static func doubt(about path: String) -> String? {
        var status = stat()
        guard stat(path, &status) == 0 else { return "cannot be executed: \(Errno(rawValue: errno).textWithName)" }
        guard status.st_mode & S_IFMT == S_IFREG else { return "is not a regular file" }
        return status.st_mode & 0o111 == 0 ? "is not executable" : nil
    }
}
