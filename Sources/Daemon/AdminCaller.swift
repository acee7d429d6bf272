// SPDX-License-Identifier: Apache-2.0
// Whoever calls the manager interface, by the kernel's word.

internal import Sockets
internal import Varlink

/// Whoever has connected to the admin socket, by the kernel's word.
struct AdminCaller: VarlinkCaller {
    typealias Upgrade = ConnectionTicket

    let uid: UInt32
    let pid: Int32
    /// The effective and the supplementary groups.
    let groups: [UInt32]
    /// Closes the caller's connection; only on the loop.
    var disconnect: @Sendable () -> Void = {}

    init(uid: UInt32, pid: Int32, groups: [UInt32]) {
        self.uid = uid
        self.pid = pid
        self.groups = groups
    }

    /// Whoever is at the other end; nobody has the ids that stand for one whom the kernel does not know.
    init(_ socket: ConnectedSocket) {
        let credentials = socket.peerCredentials
        uid = credentials?.uid ?? .max
        pid = credentials?.pid ?? 0
        groups = [credentials?.gid ?? .max] + socket.peerGroups
        disconnect = { socket.closeNow() }
    }
}
