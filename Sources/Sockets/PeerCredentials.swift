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
}

extension ConnectedSocket {
    /// The peer's credentials; `nil` for a connection of the Internet, or one that is closed.
    public var peerCredentials: PeerCredentials? {
        guard case .unix(_) = peer else { return nil }
        return withDescriptor { number in
            var pid: pid_t = 0
            var uid: uid_t = 0
            var gid: gid_t = 0
            guard clinux_peer_credentials(number, &pid, &uid, &gid) == 0 else { return nil }
            return PeerCredentials(pid: pid, uid: uid, gid: gid)
        } ?? nil
    }
}
