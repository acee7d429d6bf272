// SPDX-License-Identifier: Apache-2.0
// Addresses to listen on: every form, every limit, every mistake that has an answer of its own.

import Policy
import ServiceConfig
import Testing

@Suite("listen addresses")
struct ListenAddressTests {
    @Test(
        "every form is read and printed as it was written",
        arguments: [
            "0", "79", "65535", "127.0.0.1:79", "0.0.0.0:0", "[::1]:79", "[::]:65535", "[2001:db8::1]:1", "/run/x.sock",
            "@abstract", "@a b", "fd:git", "fd:a.b-c",
        ])
    func forms(text: String) throws {
        #expect(try ListenAddress(parsing: text).description == text)
    }

    @Test("the forms give their kinds")
    func kinds() throws {
        #expect(try ListenAddress(parsing: "79").kind == .everyAddress(port: 79))
        #expect(try ListenAddress(parsing: "127.0.0.1:79").kind == .inet(InetAddress(ip: .loopbackV4, port: 79)))
        #expect(try ListenAddress(parsing: "[::1]:79").kind == .inet(InetAddress(ip: .loopbackV6, port: 79)))
        #expect(try ListenAddress(parsing: "/run/x").kind == .unix(.path("/run/x")))
        #expect(try ListenAddress(parsing: "@x").kind == .unix(.abstract([0x78])))
        #expect(try ListenAddress(parsing: "fd:git").kind == .inherited(name: "git"))
        #expect(try ListenAddress(parsing: "/run/x").isSocketFile)
        #expect(try !ListenAddress(parsing: "@x").isSocketFile)
    }

    @Test("an IPv4-mapped address is the IPv4 address inside it")
    func mapped() throws {
        #expect(try ListenAddress(parsing: "[::ffff:127.0.0.1]:79") == ListenAddress(parsing: "127.0.0.1:79"))
    }

    @Test("ports end at 65535")
    func ports() throws {
        #expect(throws: ListenAddressMistake.badPort("65536")) { try ListenAddress(parsing: "65536") }
        #expect(throws: ListenAddressMistake.badPort("70000")) { try ListenAddress(parsing: "127.0.0.1:70000") }
        for port in ["", "-1", "+1", " 1", "1 ", "x", "0x50", "٣", "000001"] {
            #expect(throws: ListenAddressMistake.badPort(port)) { try ListenAddress(parsing: "127.0.0.1:\(port)") }
        }
    }

    @Test("names of Unix sockets end at 107 bytes")
    func paths() throws {
        for length in [2, 106, 107] {
            #expect(try ListenAddress(parsing: "/" + String(repeating: "a", count: length - 1)).isSocketFile)
            _ = try ListenAddress(parsing: "@" + String(repeating: "a", count: length))
        }
        for prefix in ["/", "@/"] {
            let long = prefix + String(repeating: "a", count: 107)
            #expect(throws: ListenAddressMistake.pathTooLong(108)) { try ListenAddress(parsing: long) }
        }
        // Bytes are counted, not characters.
        let wide = "/" + String(repeating: "ä", count: 54)
        #expect(throws: ListenAddressMistake.pathTooLong(109)) { try ListenAddress(parsing: wide) }
    }

    @Test("names of descriptors are what systemd can give")
    func names() throws {
        for name in ["a", String(repeating: "a", count: 255)] {
            #expect(try ListenAddress(parsing: "fd:" + name).kind == .inherited(name: name))
        }
        for name in ["", "a:b", "ä", "a\n", String(repeating: "a", count: 256)] {
            #expect(throws: ListenAddressMistake.badDescriptorName(name)) { try ListenAddress(parsing: "fd:" + name) }
        }
    }

    @Test(
        "each usual mistake is recognised",
        arguments: [
            ("", ListenAddressMistake.notAnAddress("")), ("ssh", .notAnAddress("ssh")), ("@", .notAnAddress("@")),
            ("/", .notAnAddress("/")), ("/run/", .notAnAddress("/run/")), ("/a\0b", .notAnAddress("/a\0b")),
            ("@a\0", .notAnAddress("@a\0")), ("127.0.0.1", .noPort("127.0.0.1")), ("[::1]", .noPort("[::1]")),
            ("::1:79", .needsBrackets("::1:79")), ("*:79", .wildcard(port: "79")), ("127.0.0.1:", .badPort("")),
            (":79", .wildcard(port: "79")),
            ("localhost:79", .badHost("localhost", port: "79")), ("[127.0.0.1]:79", .badHost("127.0.0.1", port: "79")),
            ("127.1:79", .badHost("127.1", port: "79")), ("256.0.0.1:79", .badHost("256.0.0.1", port: "79")),
            ("[::1:79", .badHost("[::1", port: "79")),
            ("run/x.sock", .relativePath("run/x.sock")), ("./x.sock", .relativePath("./x.sock")),
        ])
    func mistakes(text: String, mistake: ListenAddressMistake) {
        #expect(throws: mistake) { try ListenAddress(parsing: text) }
    }

    @Test("mistakes that have one likely meaning suggest it")
    func suggestions() {
        func suggestion(_ listen: String) -> String? {
            errors("listen = \"\(listen)\"\nbuiltin = \"echo\"").first?.suggestion
        }
        #expect(suggestion("*:79") == "79")
        #expect(suggestion("::1:79") == "[::1]:79")
        #expect(suggestion("localhost:79") == "127.0.0.1:79")
        #expect(suggestion("example.org:79") == nil)
    }

    @Test("listen takes a port without quotes, a text, or a list of both")
    func values() throws {
        #expect(try service("builtin = \"echo\"\nlisten = 79").listen.map(\.description) == ["79"])
        #expect(try service("builtin = \"echo\"\nlisten = [79, \"@x\"]").listen.map(\.description) == ["79", "@x"])
        func messages(_ listen: String) -> [String] { errors("builtin = \"echo\"\nlisten = \(listen)").map(\.message) }
        #expect(messages("70000") == ["`70000` is not a port"])
        #expect(messages("-1") == ["`-1` is not a port"])
        #expect(messages("65536") == ["`65536` is not a port"])
        #expect(messages("65535") == [])
        #expect(messages("[]") == ["`listen` is an empty list: the service would serve nobody"])
        #expect(messages("[true, 79.5]") == ["`listen` is a boolean", "`listen` is a fraction"])
        #expect(messages("{ port = 79 }") == ["`listen` is a table"])
        #expect(messages("[79, 79]") == ["`79` belongs to service `x` (x.toml:2) already"])
    }
}
