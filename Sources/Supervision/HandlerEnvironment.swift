// SPDX-License-Identifier: Apache-2.0
// The variables that tell a handler about its connection, in the three styles that programs know.

internal import Glibc
package import Policy

/// Who is at the other end of a Unix socket, as the kernel says.
package struct PeerIdentity: Equatable, Sendable {
    /// The effective user.
    package var uid: UInt32
    /// The effective group.
    package var gid: UInt32

    /// These two.
    package init(uid: UInt32, gid: UInt32) {
        self.uid = uid
        self.gid = gid
    }
}

/// What a handler is told about its connection: systemd's, UCSPI's and xinetd's variables together, with the
/// connection's id.
///
/// IPv4 addresses are shown as such, mapped into IPv6 or not; names are never looked up.
package struct HandlerEnvironment: Sendable {
    /// The connection's id, as in the log.
    package var connection: UInt64
    /// The address of the other end.
    package var peer: SocketAddress
    /// The address of this end.
    package var local: SocketAddress
    /// Who the peer is, if the connection is of a Unix socket and it is known.
    package var identity: PeerIdentity?

    /// A connection's facts.
    package init(connection: UInt64, peer: SocketAddress, local: SocketAddress, identity: PeerIdentity? = nil) {
        self.connection = connection
        self.peer = peer
        self.local = local
        self.identity = identity
    }

    /// Every variable that may be set here, and the service's: configuration cannot set them.
    package static let names = [
        "SERVERD_CONNECTION_ID", "SERVERD_SERVICE", "REMOTE_ADDR", "REMOTE_PORT", "REMOTE_HOST", "PROTO",
        "TCPREMOTEIP", "TCPREMOTEPORT", "TCPLOCALIP", "TCPLOCALPORT", "IPCREMOTEEUID", "IPCREMOTEEGID",
        "IPCREMOTEPATH",
    ]

    /// Adds the variables to `block`.
    func write(to block: inout EnvironmentBlock) {
        block.add("SERVERD_CONNECTION_ID=", connection)
        switch peer {
        case .inet(let peer): write(peer, to: &block)
        case .unix(let peer): write(peer, to: &block)
        }
    }

    private func write(_ peer: InetAddress, to block: inout EnvironmentBlock) {
        block.add("PROTO=TCP")
        for name in ["REMOTE_ADDR=", "REMOTE_HOST=", "TCPREMOTEIP="] as [StaticString] {
            block.add(name, peer.ip.unmapped)
        }
        block.add("REMOTE_PORT=", UInt64(peer.port))
        block.add("TCPREMOTEPORT=", UInt64(peer.port))
        guard case .inet(let local) = local else { return }
        block.add("TCPLOCALIP=", local.ip.unmapped)
        block.add("TCPLOCALPORT=", UInt64(local.port))
    }

    // A peer with an abstract name or none has no address that a program could use as a path.
    private func write(_ peer: UnixAddress, to block: inout EnvironmentBlock) {
        block.add("PROTO=IPC")
        if let identity {
            block.add("IPCREMOTEEUID=", UInt64(identity.uid))
            block.add("IPCREMOTEEGID=", UInt64(identity.gid))
        }
        // Nor has one with a relative path: where it leads only the peer knows, and it may look like anything; nor one
        // whose path is made to be taken for something else.
        guard case .path(let path) = peer, path.hasPrefix("/"), !path.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f })
        else { return }
        block.add("REMOTE_ADDR=", path)
        block.add("IPCREMOTEPATH=", path)
    }
}
