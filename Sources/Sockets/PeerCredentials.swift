// SPDX-License-Identifier: Apache-2.0
// Who is at the other end of a Unix socket, by the kernel's word.

internal import CLinux
internal import Glibc
internal import Policy

/// The process that connected to a Unix socket, as it was when it connected.
public struct PeerCredentials: Hashable, Sendable {
    /// Its process id, in our pid namespace; it may be gone by now.
    public let pid: Int32
    /// Its effective user id.
    public let uid: UInt32
    /// Its effective group id.
    public let gid: UInt32

    /// Credentials that were the kernel's word once.
    package init(pid: Int32, uid: UInt32, gid: UInt32) {
        self.pid = pid
        self.uid = uid
        self.gid = gid
    }
}

extension PeerCredentials {
    /// Those of a connection that was just accepted; `nil` for one of the Internet.
    init?(_ accepted: AcceptedConnection) {
        guard case .unix(_) = accepted.peer else { return nil }
        var pid: pid_t = 0
        var uid: uid_t = 0
        var gid: gid_t = 0
        guard clinux_peer_credentials(accepted.descriptor, &pid, &uid, &gid) == 0 else { return nil }
        self.init(pid: pid, uid: uid, gid: gid)
    }
}
