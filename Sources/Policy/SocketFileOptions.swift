// SPDX-License-Identifier: Apache-2.0
// The mode and the owner of a socket file.

/// The mode and the owner of a socket file.
package struct SocketFileOptions: Hashable, Sendable {
    /// The mode of a socket file when nothing is said: everyone may connect, as to a port.
    package static let defaultMode: UInt32 = 0o666

    /// The permission bits; who may write may connect.
    package let mode: UInt32
    /// The owner; nil leaves it to the system.
    package let user: UInt32?
    /// The group; nil leaves it to the system.
    package let group: UInt32?

    /// Options from their parts; the mode has permission bits only.
    package init(mode: UInt32 = defaultMode, user: UInt32? = nil, group: UInt32? = nil) {
        precondition(mode <= 0o777, "the mode of a socket file has permission bits only")
        self.mode = mode
        self.user = user
        self.group = group
    }
}
