// SPDX-License-Identifier: Apache-2.0
// One limit for several servers: nobody exceeds it, nobody starves, and no slot is lost.

internal import SocketServer
internal import Sockets
internal import SystemPackage
internal import TestSupport
internal import Testing

@Suite("Limit: shared", .timeLimit(.minutes(5)))
struct LimitSharedTests {
    private typealias InetServer = Server<InetAddress, UInt16>

    private static func makeServer(
        _ limit: ConnectionLimit, accept: ScriptedAccept = ScriptedAccept()
    ) async throws -> InetServer {
        var options = ServerOptions()
        options.connectionLimit = limit
        options.acceptCall = accept.call
        return try await Server.createSocket(on: .portChosenByOS, options: options) { try await greetAndStay($1) }
    }

    @Test("several servers together serve no more than their common limit")
    func common() async throws {
        try await onLoop { loop in
            let limit = ConnectionLimit(3)
            let servers = [try await Self.makeServer(limit), try await Self.makeServer(limit)]
            var clients: [TestClient] = []
            for index in 0..<5 {
                clients.append(try TestClient.connect(to: servers[index % 2].loopback, on: loop))
                await settle(loop)
                #expect(limit.taken == min(index + 1, 3))
                #expect(servers.map(\.numConnections).reduce(0, +) == min(index + 1, 3))
            }
            for client in clients.prefix(3) { #expect(await client.isGreeted()) }
            for client in clients.dropFirst(3) { #expect(client.isWaiting) }
            for client in clients { await client.close() }
            for server in servers { await server.close() }
            for server in servers { await server.closeFinishedAndHandlersDetermined() }
            #expect(limit.taken == 0)
        }
    }

    @Test("servers get the next slots in the order in which they found a client waiting, one each in turn")
    func fairness() async throws {
        try await onLoop { loop in
            let limit = ConnectionLimit(1)
            let names = ["a", "b", "c"]
            var servers: [String: InetServer] = [:]
            for name in names { servers[name] = try await Self.makeServer(limit) }
            func connect(_ name: String) async throws -> TestClient {
                let server = try #require(servers[name])
                let client = try TestClient.connect(to: server.loopback, on: loop)
                await settle(loop)
                return client
            }
            let first = try await connect("a")
            #expect(await first.isGreeted())
            // Two wait at a before anybody waits at b and c: a's second one must come after those.
            let waiting = [
                try await connect("a"), try await connect("a"), try await connect("b"), try await connect("c"),
            ]
            await first.close()
            for index in [0, 2, 3, 1] {
                #expect(await waiting[index].isGreeted())
                await settle(loop)
                #expect(limit.taken == 1)
                await waiting[index].close()
            }
            for server in servers.values { await server.close() }
        }
    }

    @Test("a server that closes while it waits for a slot loses none for the others")
    func closeWhileWaiting() async throws {
        try await onLoop { loop in
            let limit = ConnectionLimit(1)
            let servers = [
                try await Self.makeServer(limit), try await Self.makeServer(limit), try await Self.makeServer(limit),
            ]
            let first = try TestClient.connect(to: servers[0].loopback, on: loop)
            #expect(await first.isGreeted())
            let atClosed = try TestClient.connect(to: servers[1].loopback, on: loop)
            await settle(loop)
            let last = try TestClient.connect(to: servers[2].loopback, on: loop)
            await settle(loop)
            await servers[1].close()
            await first.close()
            #expect(await last.isGreeted())
            #expect(limit.taken == 1)
            for client in [atClosed, last] { await client.close() }
            for server in servers { await server.close() }
            for server in servers { await server.closeFinishedAndHandlersDetermined() }
            #expect(limit.taken == 0)
        }
    }

    @Test("a server whose client has left while it waited passes the slot on")
    func clientLeft() async throws {
        try await onLoop { loop in
            let limit = ConnectionLimit(1)
            let servers = [
                try await Self.makeServer(limit), try await Self.makeServer(limit), try await Self.makeServer(limit),
            ]
            let first = try TestClient.connect(to: servers[0].loopback, on: loop)
            #expect(await first.isGreeted())
            let leaver = try TestClient.connect(to: servers[1].loopback, on: loop)
            await settle(loop)
            let last = try TestClient.connect(to: servers[2].loopback, on: loop)
            await settle(loop)
            await leaver.close()
            await first.close()
            #expect(await last.isGreeted())
            await last.close()
            for server in servers { await server.close() }
        }
    }

    @Test("a server that pauses after an error does not sit on the slot it was promised")
    func pausedServer() async throws {
        try await withManualClock { loop, clock in
            let limit = ConnectionLimit(1)
            let accept = ScriptedAccept()
            let paused = try await Self.makeServer(limit, accept: accept)
            let other = try await Self.makeServer(limit)
            let first = try TestClient.connect(to: other.loopback, on: loop)
            #expect(await first.isGreeted())
            let atPaused = try TestClient.connect(to: paused.loopback, on: loop)
            await settle(loop)
            let atOther = try TestClient.connect(to: other.loopback, on: loop)
            await settle(loop)
            accept.play([.tooManyOpenFiles])
            await first.close()
            #expect(await atOther.isGreeted())
            await clock.advance(by: .milliseconds(100), on: loop)
            #expect(atPaused.isWaiting)
            await atOther.close()
            #expect(await atPaused.isGreeted())
            #expect(limit.taken == 1)
            await atPaused.close()
            for server in [paused, other] { await server.close() }
        }
    }

    @Test(
        "after random comings and goings at three servers as many are served as fit, and no slot is lost",
        arguments: [UInt64(5), 6, 7])
    func random(seed: UInt64) async throws {
        try await onLoop { loop in
            let limit = ConnectionLimit(4)
            let servers = [
                try await Self.makeServer(limit), try await Self.makeServer(limit), try await Self.makeServer(limit),
            ]
            var random = SeededRandom(seed: seed)
            var clients: [TestClient] = []
            for step in 0..<150 {
                if clients.isEmpty || (clients.count < 12 && Bool.random(using: &random)) {
                    let server = servers[Int.random(in: 0..<3, using: &random)]
                    clients.append(try TestClient.connect(to: server.loopback, on: loop))
                } else {
                    await clients.remove(at: Int.random(in: 0..<clients.count, using: &random)).close()
                }
                // A slot may go through the hands of several who have left: each takes a few turns of the loop.
                let fitting = min(clients.count, 4)
                for _ in 0..<20 where clients.count(where: { !$0.isWaiting }) != fitting || limit.taken != fitting {
                    await settle(loop)
                }
                let served = clients.count { !$0.isWaiting }
                #expect(served == fitting, "step \(step)")
                #expect(limit.taken == served, "step \(step)")
                #expect(servers.map(\.numConnections).reduce(0, +) == served, "step \(step)")
            }
            for client in clients { await client.close() }
            for server in servers { await server.close() }
            for server in servers { await server.closeFinishedAndHandlersDetermined() }
            #expect(limit.taken == 0)
        }
    }
}
