// SPDX-License-Identifier: Apache-2.0
// Which TCP stream of this machine is meant, by what stays true when nobody here holds its descriptor any more.

/// One TCP stream of this machine.
///
/// The addresses alone are not enough: a peer may use its port again. The cookie is the kernel's number for the socket,
/// which no other socket gets before the machine is booted again.
package struct StreamIdentity: Hashable, Sendable {
    /// Our end.
    ///
    /// An IPv4-mapped IPv6 address is the IPv4 address inside it.
    package let local: InetAddress
    /// The other end, in the same form.
    package let peer: InetAddress
    /// SO_COOKIE of our socket (socket(7)), or ``anyCookie``.
    package let cookie: UInt64

    /// The cookie of whichever stream has the two ends now (INET_DIAG_NOCOOKIE).
    package static let anyCookie = UInt64.max

    /// A stream by its two ends and its cookie.
    package init(local: InetAddress, peer: InetAddress, cookie: UInt64 = anyCookie) {
        self.local = InetAddress(ip: local.ip.unmapped, port: local.port)
        self.peer = InetAddress(ip: peer.ip.unmapped, port: peer.port)
        self.cookie = cookie
    }
}
