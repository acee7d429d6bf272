// SPDX-License-Identifier: Apache-2.0
// IP addresses read and printed, both families, with everything that must not be taken for one.

import Policy
import Testing

@Suite("IP addresses")
struct IPAddressTests {
    @Test(
        "what is printed is what was read",
        arguments: [
            "0.0.0.0", "127.0.0.1", "255.255.255.255", "192.0.2.1", "::", "::1", "2001:db8::1", "fe80::1%1",
            "1:2:3:4:5:6:7:8", "::ffff:192.0.2.1", "ff02::1", "fe80::%4294967295",
        ])
    func roundTrip(text: String) {
        #expect(IPAddress(text)?.description == text)
    }

    @Test("IPv6 is printed in its shortest form (RFC 5952)")
    func shortest() {
        #expect(IPAddress("2001:0DB8:0000:0000:0000:0000:0000:0001")?.description == "2001:db8::1")
        #expect(IPAddress("1:0:0:2:0:0:0:3")?.description == "1:0:0:2::3")
        #expect(IPAddress("fe80::1%01")?.description == "fe80::1%1")
    }

    @Test("the bits are where the documentation says")
    func bits() {
        #expect(IPAddress("1.2.3.4") == .v4(0x0102_0304))
        #expect(
            IPAddress("1:2:3:4:5:6:7:8") == .v6(high: 0x0001_0002_0003_0004, low: 0x0005_0006_0007_0008, zone: 0))
        #expect(IPAddress("127.0.0.1") == .loopbackV4 && IPAddress("::1") == .loopbackV6)
        #expect(IPAddress("0.0.0.0") == .anyV4 && IPAddress("::") == .anyV6)
        #expect(IPAddress.anyV6.isV6 && !IPAddress.anyV4.isV6)
    }

    @Test(
        "nothing else is an address",
        arguments: [
            "", " ", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4", "0x7f.0.0.1", "127.1",
            "a.b.c.d",
            "1.2.3.4%1", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "g::", "[::1]",
            "::1/64",
            "localhost", "1.2.3.4\0", "::1\0", "::1%", "::1%0", "::1%+1", "::1%-1", "::1%4294967296", "::1%lo\0x",
            "::1%no-such-if",
            "::1%1%1", "%1", "١.٢.٣.٤",
        ])
    func notAddresses(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("a zone may be the name of an interface")
    func zoneByName() throws {
        // The loopback interface is number 1 in every network namespace.
        #expect(IPAddress("fe80::1%lo") == IPAddress("fe80::1%1"))
    }

    @Test("an IPv4-mapped address is unmapped, all others stay as they are")
    func unmapped() {
        #expect(IPAddress("::ffff:192.0.2.1")?.unmapped == IPAddress("192.0.2.1"))
        #expect(IPAddress("::ffff:0:0")?.unmapped == .anyV4)
        for text in [
            "192.0.2.1", "::", "::1", "::192.0.2.1", "::fffe:192.0.2.1", "::1:ffff:192.0.2.1", "1::ffff:1.2.3.4",
        ] {
            let address = IPAddress(text)
            #expect(address?.unmapped == address && address != nil)
        }
    }

    @Test("random addresses are read back from their text")
    func randomAddresses() {
        for _ in 0..<1000 {
            let v4 = IPAddress.v4(.random(in: 0 ... .max))
            // Many zero groups, so that every way of shortening occurs.
            let mask = { UInt64.random(in: 0 ... .max) & UInt64.random(in: 0 ... .max) & 0xffff_0000_00ff_ffff }
            let v6 = IPAddress.v6(high: mask(), low: mask(), zone: Bool.random() ? 0 : .random(in: 1 ... .max))
            #expect(IPAddress(v4.description) == v4)
            #expect(IPAddress(v6.description) == v6)
        }
    }
}
