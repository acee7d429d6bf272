// SPDX-License-Identifier: Apache-2.0
// Looking at real streams by sock_diag: bytes, states, identities, and many streams in one call.

internal import CLinux
internal import Descriptors
internal import EventLoops
internal import Glibc
internal import Policy
internal import Sockets
internal import SystemPackage
internal import TestSupport
internal import Testing

/// A listener and the connections to it that a test has made.
struct Streams {
    let listener: ListeningSocket
    let loop: EventLoop

    init(_ place: BindAddress, on loop: EventLoop) throws {
        listener = try ListeningSocket.bind(place, backlog: 512)
        self.loop = loop
    }

    var port: UInt16 {
        if case .inet(let inet) = listener.address { inet.port } else { 0 }
    }

    /// A new connection to `ip`, both its ends.
    func connect(to ip: IPAddress) throws -> (server: ConnectedSocket, client: TestClient) {
        let client = try TestClient.connect(to: .inet(InetAddress(ip: ip, port: port)), on: loop)
        let server = ConnectedSocket(
            try listener.accept().get(), localAddress: listener.addressOfConnections, on: loop)
        return (server, client)
    }
}

/// An address of the link that some interface of this machine has, if any.
let linkLocalAddress: IPAddress? = {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return nil }
    defer { freeifaddrs(list) }
    var next = list
    while let entry = next?.pointee {
        next = entry.ifa_next
        guard let address = entry.ifa_addr, CInt(address.pointee.sa_family) == AF_INET6 else { continue }
        let ip = UnsafeRawPointer(address).load(as: sockaddr_in6.self)
        let halves = withUnsafeBytes(of: ip.sin6_addr) { bytes in
            (UInt64(bigEndian: bytes.load(as: UInt64.self)), bytes.load(fromByteOffset: 8, as: UInt64.self))
        }
        if halves.0 >> 54 == 0x3fa {
            return .v6(high: halves.0, low: UInt64(bigEndian: halves.1), zone: ip.sin6_scope_id)
        }
    }
    return nil
}()

@Suite("looking at TCP streams")
struct SocketDiagnosticsTests {
    /// Where to listen and how to come there, for each kind of stream; the last is seen by an IPv6 socket as mapped.
    static let places: [(place: BindAddress, ip: IPAddress)] = [
        (.address(.loopback(port: 0)), .loopbackV4),
        (.address(.inet(InetAddress(ip: .loopbackV6, port: 0))), .loopbackV6),
        (.everyAddress(port: 0), .loopbackV4),
        (.everyAddress(port: 0), .loopbackV6),
    ]

    @Test("the bytes of either direction are counted, over IPv4, IPv6 and IPv4 on an IPv6 socket", arguments: 0..<4)
    func bytes(place: Int) async throws {
        try await onLoop { loop in
            let (place, ip) = Self.places[place]
            let streams = try Streams(place, on: loop)
            let (server, client) = try streams.connect(to: ip)
            let identity = try #require(server.streamIdentity)
            #expect(identity.local == InetAddress(ip: ip, port: streams.port))

            let fresh = try SocketDiagnostics.stream(identity)
            #expect(fresh.identity == identity && fresh.state == .established)
            #expect(fresh.bytesReceived == 0 && fresh.bytesSent == 0 && fresh.bytesAcknowledged == 0)

            try client.write("hello")
            #expect(try await server.receive(upTo: 100).count == 5)
            #expect(try server.sendNow(Array("hi there".utf8)[...]).get() == 8)
            #expect(try await client.read(8).count == 8)
            // The segment with this byte confirms what came before it.
            try client.write("!")
            #expect(try await server.receive(upTo: 100).count == 1)
            let stream = try SocketDiagnostics.stream(identity)
            #expect(stream.bytesReceived == 6 && stream.bytesSent == 8 && stream.bytesAcknowledged == 8)
            #expect(stream.roundTripTime > .zero && stream.roundTripTime < .seconds(10))

            let other = try SocketDiagnostics.stream(try #require(client.socket.streamIdentity))
            #expect(other.bytesReceived == 8 && other.bytesSent == 6 && other.identity.peer == identity.local)
            await client.close()
            await server.close()
            streams.listener.close()
        }
    }

    @Test("many bytes are counted as exactly as a few")
    func manyBytes() async throws {
        try await onLoop { loop in
            let streams = try Streams(.address(.loopback(port: 0)), on: loop)
            let (server, client) = try streams.connect(to: .loopbackV4)
            let piece = [UInt8](repeating: 7, count: 10_000)
            for _ in 0..<200 {
                try client.write(piece)
                var left = piece.count
                while left > 0 { left -= try await server.receive(upTo: left).count }
                #expect(try server.sendNow(piece[..<5_000]).get() == 5_000)
                #expect(try await client.read(5_000).count == 5_000)
            }
            let stream = try SocketDiagnostics.stream(try #require(server.streamIdentity))
            #expect(stream.bytesReceived == 2_000_000 && stream.bytesSent == 1_000_000)
            #expect(stream.bytesAcknowledged <= 1_000_000 && stream.bytesAcknowledged >= 900_000)
            await client.close()
            await server.close()
            streams.listener.close()
        }
    }

    @Test("the end of a direction is a state and no byte")
    func ends() async throws {
        try await onLoop { loop in
            let streams = try Streams(.address(.loopback(port: 0)), on: loop)
            let (server, client) = try streams.connect(to: .loopbackV4)
            let identity = try #require(server.streamIdentity)
            let clientIdentity = try #require(client.socket.streamIdentity)
            try client.write("12345")
            client.finishWriting()
            while try await !server.receive(upTo: 100).isEmpty {}
            let half = try SocketDiagnostics.stream(identity)
            #expect(half.state == .closeWait && half.bytesReceived == 5)
            // The segment with this byte confirms the client's end.
            #expect(try server.sendNow([1]).get() == 1)
            #expect(try await client.read(1) == [1])
            let sender = try SocketDiagnostics.stream(clientIdentity)
            #expect(sender.state == .finWait2 && sender.bytesSent == 5 && sender.bytesAcknowledged == 5)
            server.shutdownWriting()
            #expect(try await client.readToEnd().isEmpty)
            // The last confirmation may be on its way to the server; the client only waits for late segments.
            let last = try? SocketDiagnostics.stream(identity)
            #expect(last == nil || last?.state == .lastAck && last?.bytesReceived == 5)
            #expect(throws: SocketDiagnosisFailure.notFound) { try SocketDiagnostics.stream(clientIdentity) }
            await client.close()
            await server.close()
            streams.listener.close()
        }
    }

    @Test("another socket with the same addresses is not taken for the stream")
    func cookies() async throws {
        try await onLoop { loop in
            let streams = try Streams(.address(.loopback(port: 0)), on: loop)
            let (server, client) = try streams.connect(to: .loopbackV4)
            let identity = try #require(server.streamIdentity)
            #expect(identity.cookie != client.socket.streamIdentity?.cookie)
            let former = StreamIdentity(local: identity.local, peer: identity.peer, cookie: identity.cookie &- 1)
            let high = StreamIdentity(local: identity.local, peer: identity.peer, cookie: identity.cookie | 1 << 40)
            for wrong in [former, high] {
                #expect(throws: SocketDiagnosisFailure.notFound) { try SocketDiagnostics.stream(wrong) }
                #expect(throws: SocketDiagnosisFailure.notFound) { try SocketDiagnostics.destroy(wrong) }
            }
            #expect(try SocketDiagnostics.stream(identity).state == .established)
            await client.close()
            await server.close()
            streams.listener.close()
        }
    }

    @Test("a Unix socket and a closed socket have no identity")
    func noIdentity() async throws {
        try await onLoop { loop in
            let pair = makeConnectedPair(on: loop)
            #expect(pair.server.streamIdentity == nil)
            await pair.server.close()
            await pair.client.close()
            let streams = try Streams(.address(.loopback(port: 0)), on: loop)
            let (server, client) = try streams.connect(to: .loopbackV4)
            await server.close()
            #expect(server.streamIdentity == nil)
            await client.close()
            streams.listener.close()
        }
    }

    @Test("many streams are looked at in one call, each in its place, by their ends alone too")
    func many() async throws {
        try await onLoop { loop in
            let streams = try Streams(.everyAddress(port: 0), on: loop)
            let most = SocketDiagnostics.streamsAtOnce
            let pairs = try (0..<most).map { try streams.connect(to: $0 % 3 == 0 ? .loopbackV6 : .loopbackV4) }
            try pairs[7].client.write("seven")
            #expect(try await pairs[7].server.receive(upTo: 9).count == 5)

            let identities = try pairs.map { try #require($0.server.streamIdentity) }
            let ends = identities.map { StreamIdentity(local: $0.local, peer: $0.peer) }
            let diagnostics = try SocketDiagnostics()
            for asked in [identities, ends, [], Array(ends.prefix(1)), Array(ends.dropLast())] {
                let found = try diagnostics.streams(asked)
                #expect(found.map { $0?.identity } == Array(identities.prefix(asked.count)))
                #expect(found.count <= 7 || found[7]?.bytesReceived == 5)
                #expect(found.count { $0?.bytesReceived == 0 } == asked.count - (asked.count > 7 ? 1 : 0))
            }
            #expect(throws: SocketDiagnosisFailure.failed(.invalidArgument)) {
                try diagnostics.streams(ends + [ends[0]])
            }
            for pair in pairs {
                await pair.client.close()
                await pair.server.close()
            }
            streams.listener.close()
        }
    }

    @Test("a stream that has ended is not there, and those beside it are; its listener is not taken for it")
    func endedAmongOthers() async throws {
        try await onLoop { loop in
            let streams = try Streams(.address(.loopback(port: 0)), on: loop)
            let (server, client) = try streams.connect(to: .loopbackV4)
            let identity = try #require(server.streamIdentity)
            let nobody = InetAddress(ip: .loopbackV4, port: 1)
            let gone = StreamIdentity(local: identity.local, peer: nobody)
            let found = try SocketDiagnostics().streams([gone, identity, gone])
            #expect(found.map { $0?.identity } == [nil, identity, nil])
            await client.close()
            await server.close()
            streams.listener.close()
        }
    }

    @Test("looking leaves no descriptor behind")
    func leavesNothing() async throws {
        await #expect(processExitsWith: .success) {
            let rest = try await leftBehind {
                let nobody = InetAddress(ip: .loopbackV4, port: 1)
                for _ in 0..<10 { _ = try? SocketDiagnostics.stream(StreamIdentity(local: nobody, peer: nobody)) }
            }
            #expect(rest.isEmpty)
        }
    }

    @Test("a stream of one link is found", .enabled(if: linkLocalAddress != nil, "no interface has such an address"))
    func linkLocal() async throws {
        try await onLoop { loop in
            let ip = try #require(linkLocalAddress)
            let streams = try Streams(.everyAddress(port: 0), on: loop)
            let (server, client) = try streams.connect(to: ip)
            let identity = try #require(server.streamIdentity)
            #expect(try SocketDiagnostics.stream(identity).identity == identity)
            await client.close()
            await server.close()
            streams.listener.close()
        }
    }
}
