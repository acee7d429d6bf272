// SPDX-License-Identifier: Apache-2.0
// The variables of a handler, exactly, for every kind of peer.

internal import EventLoops
internal import Glibc
internal import Policy
internal import Supervision
internal import TestSupport
internal import Testing

@Suite("HandlerEnvironment")
struct EnvironmentTests {
    private let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    private let showEnvironment = HandlerCommand(
        service: "test", path: "/bin/cat", arguments: ["cat", "/proc/self/environ"])

    private func variables(
        _ peer: SocketAddress, _ local: SocketAddress, _ identity: PeerIdentity? = nil,
        command: HandlerCommand? = nil
    ) async throws -> Set<String> {
        let environment = HandlerEnvironment(connection: .max, peer: peer, local: local, identity: identity)
        let command = command ?? showEnvironment
        let output = try await onLoop { loop in
            try await run(command, by: Spawner(on: loop), on: loop, environment: environment).output
        }
        let list = output.split(separator: "\0").map(String.init)
        #expect(Set(list).count == list.count, "no variable twice")
        return Set(list)
    }

    private func inet(_ text: String, _ port: UInt16) throws -> SocketAddress {
        .inet(InetAddress(ip: try #require(IPAddress(text)), port: port))
    }

    private var always: Set<String> {
        [path, "SERVERD_SERVICE=test", "SERVERD_CONNECTION_ID=18446744073709551615"]
    }

    private func tcp(_ peer: String, _ peerPort: Int, _ local: String, _ localPort: Int) -> Set<String> {
        always.union([
            "REMOTE_ADDR=\(peer)", "REMOTE_PORT=\(peerPort)", "REMOTE_HOST=\(peer)", "PROTO=TCP",
            "TCPREMOTEIP=\(peer)", "TCPREMOTEPORT=\(peerPort)", "TCPLOCALIP=\(local)", "TCPLOCALPORT=\(localPort)",
        ])
    }

    @Test("TCP over IPv4, in systemd's, UCSPI's and xinetd's variables")
    func ipv4() async throws {
        let found = try await variables(inet("192.0.2.1", 65535), inet("255.0.10.200", 1))
        #expect(found == tcp("192.0.2.1", 65535, "255.0.10.200", 1))
    }

    @Test("TCP over IPv6, with the zone of a link-local address")
    func ipv6() async throws {
        let found = try await variables(inet("fe80::1%2", 7), inet("2001:db8::1", 79))
        #expect(found == tcp("fe80::1%2", 7, "2001:db8::1", 79))
    }

    @Test("an IPv4 peer of an IPv6 listener is shown as IPv4")
    func mapped() async throws {
        let found = try await variables(inet("::ffff:192.0.2.7", 40000), inet("::ffff:127.0.0.1", 79))
        #expect(found == tcp("192.0.2.7", 40000, "127.0.0.1", 79))
    }

    @Test("a Unix peer: its path if it has one, and who it is if that is known")
    func unix() async throws {
        let local = SocketAddress.unix(.path("/run/test.sock"))
        let known = PeerIdentity(uid: 1000, gid: 0)
        let named = try await variables(.unix(.path("/tmp/client x.sock")), local, known)
        let identity: Set = ["PROTO=IPC", "IPCREMOTEEUID=1000", "IPCREMOTEEGID=0"]
        let paths: Set = ["REMOTE_ADDR=/tmp/client x.sock", "IPCREMOTEPATH=/tmp/client x.sock"]
        #expect(named == always.union(identity).union(paths))
        #expect(try await variables(.unix(.unnamed), local, known) == always.union(identity))
        #expect(try await variables(.unix(.abstract([0, 1])), local, known) == always.union(identity))
        // Where a relative path leads nobody knows; this one would look like a peer of the Internet.
        #expect(try await variables(.unix(.path("192.0.2.1")), local, known) == always.union(identity))
        #expect(try await variables(.unix(.unnamed), local) == always.union(["PROTO=IPC"]))
    }

    @Test("an account's variables, and configured ones that replace them but never the connection's")
    func configured() async throws {
        var command = showEnvironment
        command.account = nobody
        command.changesIdentity = false
        command.environment = [
            "HOME": "/srv", "LANG": "C.UTF-8", "EMPTY": "", "REMOTE_ADDR": "forged", "SERVERD_SERVICE": "other",
            "TCPLOCALPORT": "1",
        ]
        let found = try await variables(.unix(.unnamed), .unix(.unnamed), command: command)
        let account: Set = ["HOME=/srv", "USER=nobody", "LOGNAME=nobody", "SHELL=/usr/sbin/nologin"]
        #expect(found == always.union(account).union(["PROTO=IPC", "LANG=C.UTF-8", "EMPTY="]))
    }

    @Test("nothing of one connection is left for the next")
    func reuse() async throws {
        try await onLoop { loop in
            let spawner = try Spawner(on: loop)
            let long = HandlerEnvironment(
                connection: 1, peer: .unix(.path(String(repeating: "x", count: 107))), local: .unix(.unnamed))
            _ = try await run(showEnvironment, by: spawner, on: loop, environment: long)
            let short = HandlerEnvironment(connection: 2, peer: .unix(.unnamed), local: .unix(.unnamed))
            let output = try await run(showEnvironment, by: spawner, on: loop, environment: short).output
            #expect(output == "\(path)\0SERVERD_SERVICE=test\0SERVERD_CONNECTION_ID=2\0PROTO=IPC\0")
        }
    }

    @Test("the arguments arrive as they are, also empty ones and none but the name")
    func arguments() async throws {
        try await onLoop { loop in
            let spawner = try Spawner(on: loop)
            var command = shell("printf '<%s>' \"$0\" \"$@\"")
            command.arguments += ["zero", "", "a b", "$HOME", "ü"]
            #expect(try await run(command, by: spawner, on: loop).output == "<zero><><a b><$HOME><ü>")
        }
    }

    @Test("a command that no kernel could execute is refused with the reason")
    func unusable() {
        func refusal(_ change: (inout HandlerCommand) -> Void) -> String? {
            var command = showEnvironment
            change(&command)
            do {
                _ = try PreparedCommand(command)
                return nil
            } catch {
                return "\(error)"
            }
        }
        #expect(refusal { _ in } == nil)
        #expect(refusal { $0.path = "cat" } == "service \"test\": the program's path \"cat\" is not absolute")
        #expect(refusal { $0.arguments = [] }?.contains("no arguments") == true)
        #expect(refusal { $0.arguments.append("a\0b") }?.contains("NUL") == true)
        #expect(refusal { $0.environment["A"] = "\0" }?.contains("NUL") == true)
        #expect(refusal { $0.environment["A=B"] = "" }?.contains("=") == true)
        #expect(refusal { $0.workingDirectory = "/\0" }?.contains("NUL") == true)
    }
}
