// SPDX-License-Identifier: Apache-2.0
// The identity of a stream: by its addresses and its cookie, in one form for IPv4 however its socket writes it.

import Policy
import Testing

@Suite("the identity of a stream")
struct StreamIdentityTests {
    private let local = InetAddress(ip: .loopbackV4, port: 79)
    private let peer = InetAddress(ip: .v4(0xc000_0201), port: 40000)

    @Test("an IPv4 stream has one identity, also as an IPv6 socket sees it")
    func mapped() {
        let mapped = { (address: InetAddress) in
            guard case .v4(let bits) = address.ip else { return address }
            return InetAddress(ip: .v6(high: 0, low: 0xffff << 32 | UInt64(bits), zone: 0), port: address.port)
        }
        #expect(
            StreamIdentity(local: mapped(local), peer: mapped(peer), cookie: 7)
                == StreamIdentity(local: local, peer: peer, cookie: 7))
        let v6 = InetAddress(ip: .loopbackV6, port: 79)
        #expect(StreamIdentity(local: v6, peer: v6, cookie: 7).local == v6)
    }

    @Test("streams with the same addresses differ by their cookies")
    func cookies() {
        #expect(
            StreamIdentity(local: local, peer: peer, cookie: 7) != StreamIdentity(local: local, peer: peer, cookie: 8))
    }
}
