// SPDX-License-Identifier: Apache-2.0
// Where a listening socket is bound, what it accepts, and which end of that is ours.

package import Policy

/// Where a socket of our own making listens.
package enum BindAddress: Hashable, Sendable {
    /// One address. An IPv6 one takes IPv6 only, `[::]` too.
    case address(SocketAddress)
    /// All addresses of both families, on one socket; of IPv4 alone where the machine has no IPv6.
    case everyAddress(port: UInt16)
}

/// A connection that accept(2) returned: its descriptor, owned by whoever holds the value, and its peer.
package struct AcceptedConnection: Sendable {
    let descriptor: CInt
    let peer: SocketAddress

    package init(descriptor: CInt, peer: SocketAddress) {
        self.descriptor = descriptor
        self.peer = peer
    }
}

extension ListeningSocket {
    /// Our end of the connections accepted here, when it is the same for all: not for a socket on all addresses.
    package var addressOfConnections: SocketAddress? {
        guard case .inet(let inet) = address, inet.ip == .anyV4 || inet.ip == .anyV6 else { return address }
        return nil
    }
}
