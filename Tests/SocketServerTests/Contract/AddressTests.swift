// SPDX-License-Identifier: Apache-2.0
// What a server says about where it listens, and what its handlers are told about their peers.

internal import Glibc
internal import SocketServer
internal import Sockets
internal import SystemPackage
internal import TestSupport
internal import Testing

@Suite("Addresses", .timeLimit(.minutes(5)))
struct AddressTests {
    @Test("a port chosen by the system is told, however it was asked for (B12)")
    func chosenPort() async throws {
        try await onLoop { loop in
            let places: [WhereToListen<InetAddress, UInt16>] = [
                .portChosenByOS, .port(0), .address(InetAddress(ip: .loopbackV4, port: 0)),
                .address(InetAddress(ip: .loopbackV6, port: 0)),
            ]
            for place in places {
                let server = try await Server.createSocket(on: place) { _, _ in }
                #expect(server.listeningOn != 0)
                #expect(server.withListeningSocket { boundPort(of: $0) } == server.listeningOn)
                guard case .inet(let address) = server.listeningOnAddress else {
                    Issue.record("\(server.listeningOnAddress)")
                    return
                }
                #expect(address.port == server.listeningOn)
                await server.close()
            }
        }
    }

    @Test("a fixed port is what is listened on (B12)")
    func fixedPort() async throws {
        try await onLoop { _ in
            let free = try await Server.createSocket(on: .portChosenByOS) { _, _ in }
            await free.close()
            let server = try await Server.createSocket(on: .port(free.listeningOn)) { _, _ in }
            #expect(server.listeningOn == free.listeningOn)
            await server.close()
        }
    }

    @Test("a path is told exactly as it was given (B13)")
    func path() async throws {
        try await onLoop { _ in
            let folder = TemporaryFolder()
            let path = folder.path + "/./socket"
            let server = try await Server.createSocket(on: .file(path)) { _, _ in }
            #expect(server.listeningOn == path)
            #expect(server.listeningOnAddress == .unix(.path(path)))
            await server.close()
        }
    }

    @Test("an abstract name is served and told with its @ (B13)")
    func abstract() async throws {
        try await onLoop { loop in
            let name = "serverd-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
            let server = try await Server.createSocket(on: .abstract(name)) { try await greetAndStay($1) }
            #expect(server.listeningOn == "@" + name)
            let client = try TestClient.connect(to: .unix(.abstract(Array(name.utf8))), on: loop)
            #expect(await client.isGreeted())
            await client.close()
            await server.close()
        }
    }

    @Test("where it listened is still answered after close (B14)")
    func afterClose() async throws {
        try await onLoop { _ in
            let folder = TemporaryFolder()
            let inet = try await Server.createSocket(on: .portChosenByOS) { _, _ in }
            let unix = try await Server.createSocket(on: .file(folder.file("socket"))) { _, _ in }
            let before = (inet.listeningOn, inet.listeningOnAddress, unix.listeningOn, unix.listeningOnAddress)
            await inet.close()
            await unix.close()
            #expect(inet.listeningOn == before.0)
            #expect(inet.listeningOnAddress == before.1)
            #expect(unix.listeningOn == before.2)
            #expect(unix.listeningOnAddress == before.3)
            #expect(inet.withListeningSocket { $0 } == nil)
        }
    }

    @Test("on all addresses the full address is that of both families, [::]:port (B15)")
    func allAddresses() async throws {
        try await onLoop { _ in
            let server = try await Server.createSocket(on: .portChosenByOS) { _, _ in }
            #expect(server.listeningOnAddress == .inet(InetAddress(ip: .anyV6, port: server.listeningOn)))
            #expect(server.listeningOnAddress.description == "[::]:\(server.listeningOn)")
            await server.close()
        }
    }

    @Test("the peer of a Unix server has no name (B17)")
    func unnamedPeer() async throws {
        try await onLoop { loop in
            let folder = TemporaryFolder()
            let peers = EventLog<UnixAddress>()
            let path = folder.file("socket")
            let server = try await Server.createSocket(on: .file(path)) { peer, _ in peers.append(peer) }
            let client = try TestClient.connect(to: .unix(.path(path)), on: loop)
            _ = try await client.readToEnd()
            #expect(peers.all == [.unnamed])
            await client.close()
            await server.close()
        }
    }

    @Test("a path that is too long for a socket is served all the same, and told as it was given (B18, T23)")
    func longPath() async throws {
        try await onLoop { loop in
            let folder = TemporaryFolder(String(repeating: "long", count: 35))
            let path = folder.file("socket")
            #expect(path.utf8.count > 120)
            let server = try await Server.createSocket(on: .file(path)) { try await greetAndStay($1) }
            #expect(server.listeningOn == path)
            #expect(server.listeningOnAddress == .unix(.path(path)))
            // The client must go a shorter way too.
            let links = TemporaryFolder()
            #expect(symlink(folder.path, links.file("link")) == 0)
            let client = try TestClient.connect(to: .unix(.path(links.file("link/socket"))), on: loop)
            #expect(await client.isGreeted())
            await client.close()
            await server.close()
            #expect(folder.status(of: "socket") == nil)
        }
    }

    @Test("a stale socket at a path that is too long is replaced, one in use is not (B16, B18)")
    func longPathInUse() async {
        // Alone in a process: elsewhere one that is being started may hold a copy of the old socket for a moment.
        await #expect(processExitsWith: .success) {
            try await onLoop { _ in
                let folder = TemporaryFolder(String(repeating: "long", count: 35))
                let path = folder.file("socket")
                let first = try await Server.createSocket(on: .file(path)) { _, _ in }
                let error = try await #require(throws: ServerError.self) {
                    try await Server.createSocket(on: .file(path)) { _, _ in }
                }
                #expect(error.errno == EADDRINUSE)
                // Out of the way, so that close leaves it, then back: now nobody listens on it.
                #expect(rename(path, folder.file("kept")) == 0)
                await first.close()
                #expect(rename(folder.file("kept"), path) == 0)
                let second = try await Server.createSocket(on: .file(path)) { _, _ in }
                await second.close()
            }
        }
    }

    @Test("addresses are printable, those of unnamed peers and of strange paths too (T8)")
    func printable() async throws {
        try await onLoop { loop in
            let folder = TemporaryFolder()
            let path = folder.file("so\u{1b}[31mcket\n\u{e9}")
            let peers = EventLog<UnixAddress>()
            let server = try await Server.createSocket(on: .file(path)) { peer, _ in peers.append(peer) }
            for _ in 0..<2 {
                let client = try TestClient.connect(to: .unix(.path(path)), on: loop)
                _ = try await client.readToEnd()
                await client.close()
            }
            let texts = peers.all.map(\.description) + [server.listeningOnAddress.description]
            #expect(texts == ["unix", "unix", folder.file("so\\x1b[31mcket\\x0a\\xc3\\xa9")])
            for text in texts { #expect(text.utf8.allSatisfy { (0x20..<0x7f).contains($0) }) }
            await server.close()
        }
    }

    @Test("a handler sees the credentials of a Unix peer: this process's (T14)")
    func credentials() async throws {
        try await onLoop { loop in
            let folder = TemporaryFolder()
            let path = folder.file("socket")
            let seen = OneShot<PeerCredentials?>()
            let server = try await Server.createSocket(on: .file(path)) { _, socket in
                seen.fulfil(socket.peerCredentials)
            }
            let client = try TestClient.connect(to: .unix(.path(path)), on: loop)
            let credentials = await seen.value()
            #expect(credentials?.pid == getpid())
            #expect(credentials?.uid == geteuid())
            #expect(credentials?.gid == getegid())
            await client.close()
            await server.close()
        }
    }
}

@Suite("Addresses: IPv4 and IPv6", .timeLimit(.minutes(5)))
struct AddressFamilyTests {
    /// The two ends of a connection, as its handler sees them.
    struct Ends: Sendable {
        let peer: InetAddress
        let local: SocketAddress?
        let credentials: PeerCredentials?
    }

    @Test(
        "a server on all addresses takes both families, and shows mapped peers as plain IPv4",
        arguments: [IPAddress.loopbackV4, .loopbackV6])
    func dualStack(_ ip: IPAddress) async throws {
        try await onLoop { loop in
            let seen = OneShot<Ends>()
            let server = try await Server.createSocket(on: .portChosenByOS) { peer, socket in
                seen.fulfil(Ends(peer: peer, local: socket.localAddress, credentials: socket.peerCredentials))
            }
            let address = SocketAddress.inet(InetAddress(ip: ip, port: server.listeningOn))
            let client = try TestClient.connect(to: address, on: loop)
            let ends = await seen.value()
            #expect(ends.peer.ip == ip)
            #expect(ends.peer.port == client.socket.withDescriptor { boundPort(of: $0) })
            #expect(ends.local == address)
            #expect(ends.credentials == nil)
            await client.close()
            await server.close()
        }
    }

    @Test("an adopted dual-stack socket shows mapped peers as plain IPv4 too")
    func adoptedDualStack() async throws {
        try await onLoop { loop in
            let listener = try makeRawSocket(.inet(InetAddress(ip: .anyV6, port: 0)), backlog: 4)
            let port = boundPort(of: listener.number)
            let seen = OneShot<InetAddress>()
            let server = try await Server<InetAddress, UInt16>.createSocket(on: .inherited(listener.release())) {
                peer, _ in seen.fulfil(peer)
            }
            let client = try TestClient.connect(to: .loopback(port: port), on: loop)
            #expect(await seen.value().ip == .loopbackV4)
            await client.close()
            await server.close()
        }
    }

    /// A server that greets at `ip`, and what keeps its port silent at the other address: nobody else can listen there.
    private func makeServer(
        on ip: IPAddress, silentOn other: IPAddress
    ) async throws -> (Server<InetAddress, UInt16>, reserved: OwnedDescriptor) {
        while true {
            let reserved = try makeRawSocket(.inet(InetAddress(ip: other, port: 0)))
            let place = WhereToListen.address(InetAddress(ip: ip, port: boundPort(of: reserved.number)))
            do {
                return (try await Server.createSocket(on: place) { try await greetAndStay($1) }, reserved)
            } catch let error as ServerError where error.errno == EADDRINUSE {
                // Free at the other address, taken at this one: the next port.
                reserved.close()
            }
        }
    }

    @Test("a server on one IPv6 address, [::] too, takes IPv6 only", arguments: [IPAddress.loopbackV6, .anyV6])
    func v6Only(_ ip: IPAddress) async throws {
        try await onLoop { loop in
            let (server, reserved) = try await makeServer(on: ip, silentOn: .loopbackV4)
            #expect(throws: Errno.connectionRefused) { try TestClient.connect(to: server.loopback, on: loop) }
            let v6 = SocketAddress.inet(InetAddress(ip: .loopbackV6, port: server.listeningOn))
            let client = try TestClient.connect(to: v6, on: loop)
            #expect(await client.isGreeted())
            await client.close()
            await server.close()
            reserved.close()
        }
    }

    @Test("a server on one IPv4 address takes IPv4 only")
    func v4Only() async throws {
        try await onLoop { loop in
            let (server, reserved) = try await makeServer(on: .loopbackV4, silentOn: .loopbackV6)
            let v6 = SocketAddress.inet(InetAddress(ip: .loopbackV6, port: server.listeningOn))
            #expect(throws: Errno.connectionRefused) { try TestClient.connect(to: v6, on: loop) }
            let client = try TestClient.connect(to: server.loopback, on: loop)
            #expect(await client.isGreeted())
            await client.close()
            await server.close()
            reserved.close()
        }
    }

    @Test("the peer is known though it has gone before it was accepted")
    func goneBefore() async throws {
        try await onLoop { loop in
            let listener = try makeRawSocket(.loopback(port: 0), backlog: 4)
            let client = try TestClient.connect(to: .loopback(port: boundPort(of: listener.number)), on: loop)
            let port = client.socket.withDescriptor { boundPort(of: $0) }
            client.reset()
            let seen = OneShot<InetAddress>()
            let server = try await Server<InetAddress, UInt16>.createSocket(on: .inherited(listener.release())) {
                peer, _ in seen.fulfil(peer)
            }
            #expect(await seen.value() == InetAddress(ip: .loopbackV4, port: port ?? 0))
            await server.close()
        }
    }
}
