// SPDX-License-Identifier: Apache-2.0
// Addresses of sockets read and printed.

import Policy
import Testing

@Suite("socket addresses")
struct SocketAddressTests {
    @Test(
        "an Internet address is printed as it is read",
        arguments: ["0.0.0.0:0", "127.0.0.1:79", "192.0.2.1:65535", "[::]:0", "[::1]:79", "[fe80::1%1]:65535"])
    func roundTrip(text: String) throws {
        #expect(try InetAddress(parsing: text).description == text)
        #expect(try SocketAddress.inet(InetAddress(parsing: text)).description == text)
    }

    @Test(
        "each mistake is told apart",
        arguments: [
            ("", InetAddressMistake.noPort), ("127.0.0.1", .noPort), ("[::1]", .noPort), ("79", .noPort),
            ("::1", .needsBrackets), ("::1:79", .needsBrackets), ("127.0.0.1:79:80", .needsBrackets),
            (":79", .badAddress("")), ("*:79", .badAddress("*")), ("[]:79", .badAddress("")),
            ("[:79", .badAddress("[")),
            ("[::1:79", .badAddress("[::1")), ("[127.0.0.1]:79", .badAddress("127.0.0.1")),
            ("::1]:79", .needsBrackets), ("x]:79", .badAddress("x]")), ("127.0.0.1:", .badPort("")),
            ("127.0.0.1:65536", .badPort("65536")), ("[::1]:-1", .badPort("-1")), ("127.0.0.1:00079", nil),
            ("127.0.0.1:000079", .badPort("000079")), ("127.0.0.1:7\0", .badPort("7\0")),
        ] as [(String, InetAddressMistake?)])
    func mistakes(text: String, mistake: InetAddressMistake?) {
        do throws(InetAddressMistake) {
            _ = try InetAddress(parsing: text)
            #expect(mistake == nil)
        } catch {
            #expect(error == mistake)
        }
    }

    @Test("ports are decimal numbers up to 65535")
    func ports() {
        for (text, port) in [("0", 0), ("1", 1), ("65534", 65534), ("65535", 65535), ("00080", 80)]
            as [(String, UInt16)]
        {
            #expect(InetAddress.port(text) == port)
        }
        for text in ["", "65536", "99999", "100000", "-1", "+1", " 1", "1 ", "0x1", "１"] {
            #expect(InetAddress.port(text) == nil)
        }
    }

    @Test("addresses of Unix sockets print without disturbing a terminal")
    func unix() {
        #expect(UnixAddress.unnamed.description == "unix")
        #expect(UnixAddress.path("/run/x.sock").description == "/run/x.sock")
        #expect(UnixAddress.path("/run/\u{1b}[2J\n é").description == "/run/\\x1b[2J\\x0a \\xc3\\xa9")
        #expect(UnixAddress.abstract(Array("x".utf8)).description == "@x")
        #expect(UnixAddress.abstract([0, 0x1f, 0x20, 0x7e, 0x7f, 0xff]).description == "@\\x00\\x1f ~\\x7f\\xff")
        #expect(SocketAddress.unix(.path("/x")).description == "/x")
    }

    @Test("addresses are equal when all their parts are")
    func equality() {
        let address = InetAddress(ip: .loopbackV4, port: 1)
        #expect(SocketAddress.inet(address) == .inet(InetAddress(ip: .loopbackV4, port: 1)))
        #expect(address != InetAddress(ip: .loopbackV4, port: 2) && address != InetAddress(ip: .loopbackV6, port: 1))
        #expect(UnixAddress.path("/x") != .abstract(Array("/x".utf8)))
    }
}
