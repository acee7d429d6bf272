// SPDX-License-Identifier: Apache-2.0
// A command in the form that the kernel takes, made once for each service.

internal import CLinux
internal import Glibc

/// A ``HandlerCommand`` laid out in memory as execve wants it, so that a spawn has nothing to prepare but the
/// connection's variables.
///
/// Immutable: a service whose command changes gets another one.
// Safe: nothing is changed after init, and the memory lives as long as the object.
package final class PreparedCommand: @unchecked Sendable {
    /// What it was made from.
    package let command: HandlerCommand
    let record: UnsafePointer<clinux_command>
    /// `NAME=value`, each in memory that this object owns.
    let environment: [UnsafeMutablePointer<CChar>?]

    private let storage: UnsafeMutablePointer<clinux_command>
    private let path: UnsafeMutablePointer<CChar>
    private let directory: UnsafeMutablePointer<CChar>
    private let arguments: UnsafeMutableBufferPointer<UnsafeMutablePointer<CChar>?>
    private let groups: UnsafeMutableBufferPointer<gid_t>

    /// Lays `command` out.
    package init(_ command: HandlerCommand) throws(UnusableCommand) {
        try command.validate()
        self.command = command
        path = Self.copy(command.path)
        directory = Self.copy(command.workingDirectory)
        arguments = .allocate(capacity: command.arguments.count + 1)
        _ = arguments.initialize(from: command.arguments.map { Self.copy($0) } + [nil])
        groups = .allocate(capacity: command.account?.groups.count ?? 0)
        _ = groups.initialize(from: command.account?.groups ?? [])
        environment = command.baseEnvironment.map { Self.copy("\($0.name)=\($0.value)") }

        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        storage = .allocate(capacity: 1)
        storage.initialize(
            to: clinux_command(
                path: path, arguments: arguments.baseAddress, directory: directory, groups: groups.baseAddress,
                group_count: groups.count, user: command.account?.uid ?? 0, group: command.account?.gid ?? 0,
                changes_identity: command.account != nil && command.changesIdentity ? 1 : 0,
                forbids_new_privileges: command.forbidsNewPrivileges ? 1 : 0, mask: command.umask,
                descriptors_soft: min(command.descriptorLimit, UInt64(limit.rlim_max)),
                descriptors_hard: UInt64(limit.rlim_max)))
        record = UnsafePointer(storage)
    }

    deinit {
        storage.deallocate()
        groups.deallocate()
        for argument in arguments { free(argument) }
        arguments.deallocate()
        for variable in environment { free(variable) }
        free(directory)
        free(path)
    }

    private static func copy(_ text: String) -> UnsafeMutablePointer<CChar> {
        guard let copy = strdup(text) else { preconditionFailure("out of memory") }
        return copy
    }
}
