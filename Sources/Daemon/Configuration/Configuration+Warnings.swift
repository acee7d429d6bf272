// SPDX-License-Identifier: Apache-2.0
// What is doubtful in a valid configuration: programs that could not be started if a client came now.

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
    package func warnings() -> [String] {
        if !services.contains(where: \.isEnabled) {
            return ["warning: there is no enabled service: serverd will listen on nothing"]
        }
        let shortage = descriptorShortage(limit: ProcessEnvironment.descriptorLimit).map { "warning: \($0)" }
        return [shortage].compactMap(\.self)
            + services.filter(\.isEnabled).compactMap { service in
                guard case .program(let program) = service.handler, let doubt = Self.doubt(about: program.path) else {
                    return nil
                }
                let place = "\(PlainText.escaping(service.origin.file)):\(service.origin.line)"
                return "\(place): warning: service `\(service.name)`: \(PlainText.escaping(program.path)) \(doubt)"
            }
    }

    /// What is wrong when the limits of the services together allow more connections than there are descriptors; nil
    /// when they do not.
    ///
    /// Each connection takes one: its socket, or its program's pidfd once the socket is given away. Services that say
    /// nothing of their limit are not counted: theirs goes by the descriptors.
    package func descriptorShortage(limit: Int) -> String? {
        let connections = services.filter(\.isEnabled).compactMap(\.maxConnections).reduce(0, +)
        guard connections > limit else { return nil }
        return "the services may have \(connections) connections together (max_connections), but serverd may open only "
            + "\(limit) descriptors; raise that limit (LimitNOFILE=), or lower max_connections"
    }

    /// What would keep the program at `path` from being executed; nil when nothing is seen.
    private static func doubt(about path: String) -> String? {
        var status = stat()
        guard stat(path, &status) == 0 else { return "cannot be executed: \(Errno(rawValue: errno).textWithName)" }
        guard status.st_mode & S_IFMT == S_IFREG else { return "is not a regular file" }
        return status.st_mode & 0o111 == 0 ? "is not executable" : nil
    }
}
