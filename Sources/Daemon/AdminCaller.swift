// SPDX-License-Identifier: Apache-2.0
// Who calls the manager interface: the ids by which rights are judged, and the way to hang up.

internal import Sockets
internal import Varlink

/// A client of the admin socket, as the kernel describes it at the moment it connected.
///
/// What it claims about itself has no part in this. A client that has changed its ids since is still who it was.
struct AdminCaller: VarlinkCaller {
    /// What a caller of Connect has, once it is told so.
    typealias Upgrade = ConnectionTicket

    /// The effective user.
    let uid: UInt32
    /// The process that connected.
    let pid: Int32
    /// The effective group.
    let gid: UInt32
    /// The other groups that it is in.
    let supplementaryGroups: [UInt32]
    /// Closes the caller's connection; only on the loop.
    let disconnect: @Sendable () -> Void

    /// All the groups that it is in.
    var groups: [UInt32] { [gid] + supplementaryGroups }

    /// A caller with these ids.
    init(
        uid: UInt32, pid: Int32, gid: UInt32, supplementaryGroups: [UInt32], disconnect: @escaping @Sendable () -> Void
    ) {
        self.uid = uid
        self.pid = pid
        self.gid = gid
        self.supplementaryGroups = supplementaryGroups
        self.disconnect = disconnect
    }

    /// The caller at the other end of `socket`.
    ///
    /// If the kernel does not tell the ids, they are `.max`: that is `(uid_t) -1`, which no process has, so that the
    /// caller has no rights.
    init(_ socket: ConnectedSocket) {
        let credentials = socket.peerCredentials
        self.init(
            uid: credentials?.uid ?? .max, pid: credentials?.pid ?? 0, gid: credentials?.gid ?? .max,
            supplementaryGroups: socket.peerGroups, disconnect: { socket.closeNow() })
    }
}
