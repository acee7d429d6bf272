// SPDX-License-Identifier: Apache-2.0
// Who may do what on the admin socket: the groups that the configuration names, and the decision for one caller.

/// Who may do what on the admin socket.
///
/// | caller | read | operate | connect |
/// | --- | --- | --- | --- |
/// | root | yes | yes | yes |
/// | in a group of ``readers`` | yes | | |
/// | in a group of ``operators`` | yes | yes | |
/// | in a group of ``connectors`` | | | yes |
/// | anyone else, the daemon's own user too | | | |
package struct AdminAccess: Equatable, Sendable {
    /// The group whose members may read without being named in the configuration, if the system has it.
    package static let standardReaders = "serverd"

    /// What a method of the admin socket needs.
    package enum Permission: String, CaseIterable, Sendable {
        /// To look: status, connections, events.
        case read
        /// To change something: close, suspend, set a limit, reload.
        case operate
        /// To become a connection of a service that allows it.
        case connect
    }

    /// Groups that may read.
    package let readers: [Group]
    /// Groups that may operate, and hence read.
    package let operators: [Group]
    /// Groups that may connect.
    package let connectors: [Group]

    /// Access for these groups, and for root.
    package init(readers: [Group] = [], operators: [Group] = [], connectors: [Group] = []) {
        self.readers = readers
        self.operators = operators
        self.connectors = connectors
    }

    /// Whether nobody but root has access: then the socket need not be open to others at all.
    package var isRootOnly: Bool { readers.isEmpty && operators.isEmpty && connectors.isEmpty }

    /// Whether a caller with this effective user and these groups, the effective one among them, has `permission`.
    package func permits(_ permission: Permission, uid: UInt32, groups: some Sequence<UInt32>) -> Bool {
        if uid == 0 { return true }
        let allowed =
            switch permission {
            case .read: readers + operators
            case .operate: operators
            case .connect: connectors
            }
        return groups.contains { gid in allowed.contains { $0.gid == gid } }
    }
}
