// SPDX-License-Identifier: Apache-2.0
// Drop mode: each new connection is closed at once, and the server never goes deaf by it.

internal import SocketServer
internal import Sockets
internal import SystemPackage
internal import TestSupport
internal import Testing

@Suite("Accepting: drop mode", .timeLimit(.minutes(5)))
struct AcceptingDropTests {
    private func withServer(
        maxConnections: Int = 100, isDropping: Bool = false,
        _ body:
            @escaping @Sendable (EventLoop, Server<InetAddress, UInt16>, EventLog<ServerEvent>) async throws -> Void
    ) async throws {
        try await onLoop { loop in
            let events = EventLog<ServerEvent>()
            var options = ServerOptions()
            options.maxConnections = maxConnections
            options.dropIncomingConnections = isDropping
            options.onEvent = { events.append($0) }
            let server = try await Server.createSocket(on: .portChosenByOS, options: options) {
                try await greetAndStay($1)
            }
            try await body(loop, server, events)
            await server.close()
            await server.closeFinishedAndHandlersDetermined()
        }
    }

    @Test("a dropped client sees the end; no handler is called for it and it is not counted (B62)")
    func drops() async throws {
        try await withServer(isDropping: true) { loop, server, events in
            #expect(server.isDroppingIncomingConnections)
            let client = try TestClient.connect(to: server.loopback, on: loop)
            #expect(try await client.readToEnd().isEmpty)
            #expect(server.numConnections == 0)
            #expect(events.all.refused == 1)
            #expect(events.all.accepted == 0)
            await client.close()
        }
    }

    @Test("those who are there already are not affected (B62)")
    func existing() async throws {
        try await withServer { loop, server, _ in
            let existing = try TestClient.connect(to: server.loopback, on: loop)
            #expect(await existing.isGreeted())
            server.setDropIncomingConnections(true)
            let dropped = try TestClient.connect(to: server.loopback, on: loop)
            #expect(try await dropped.readToEnd().isEmpty)
            #expect(existing.isWaiting)
            #expect(server.numConnections == 1)
            await existing.close()
            await dropped.close()
        }
    }

    @Test(
        "after dropped batches, one less, as many and one more than a batch, accepting goes on",
        arguments: [1, 15, 16, 17, 40])
    func notDeaf(_ count: Int) async throws {
        try await withServer(isDropping: true) { loop, server, events in
            for round in 1...2 {
                let clients = try (0..<count).map { _ in try TestClient.connect(to: server.loopback, on: loop) }
                for client in clients { #expect(try await client.readToEnd().isEmpty) }
                #expect(events.all.refused == count * round)
                for client in clients { await client.close() }
            }
            server.setDropIncomingConnections(false)
            let client = try TestClient.connect(to: server.loopback, on: loop)
            #expect(await client.isGreeted())
            await client.close()
        }
    }

    @Test("dropping works at the limit too, also for one who waits there already")
    func atLimit() async throws {
        try await withServer(maxConnections: 1) { loop, server, events in
            let existing = try TestClient.connect(to: server.loopback, on: loop)
            #expect(await existing.isGreeted())
            let waiting = try TestClient.connect(to: server.loopback, on: loop)
            await settle(loop)
            #expect(waiting.isWaiting)
            server.setDropIncomingConnections(true)
            #expect(try await waiting.readToEnd().isEmpty)
            let later = try TestClient.connect(to: server.loopback, on: loop)
            #expect(try await later.readToEnd().isEmpty)
            #expect(server.numConnections == 1)
            #expect(events.all.refused == 2)
            // Off again: the limit holds, and its slot is the next one's.
            server.setDropIncomingConnections(false)
            let next = try TestClient.connect(to: server.loopback, on: loop)
            await settle(loop)
            #expect(next.isWaiting)
            await existing.close()
            #expect(await next.isGreeted())
            #expect(server.numConnections == 1)
            for client in [existing, waiting, later, next] { await client.close() }
        }
    }

    @Test("dropping costs no slots, however many are dropped")
    func slots() async throws {
        try await withServer(maxConnections: 2, isDropping: true) { loop, server, _ in
            for _ in 0..<10 {
                let client = try TestClient.connect(to: server.loopback, on: loop)
                #expect(try await client.readToEnd().isEmpty)
                await client.close()
            }
            server.setDropIncomingConnections(false)
            let clients = try (0..<2).map { _ in try TestClient.connect(to: server.loopback, on: loop) }
            for client in clients { #expect(await client.isGreeted()) }
            for client in clients { await client.close() }
        }
    }

    @Test("an error while dropping pauses as ever, and a dropped client ends the doubling")
    func errors() async throws {
        try await withManualClock { loop, clock in
            let accept = ScriptedAccept([.tooManyOpenFiles, .tooManyOpenFiles, nil, .tooManyOpenFiles])
            let events = EventLog<ServerEvent>()
            var options = ServerOptions()
            options.dropIncomingConnections = true
            options.acceptCall = accept.call
            options.onEvent = { events.append($0) }
            let listener = try makeRawSocket(.loopback(port: 0), backlog: 8)
            let address = SocketAddress.loopback(port: boundPort(of: listener.number))
            let clients = try (0..<2).map { _ in try TestClient.connect(to: address, on: loop) }
            let server = try await Server<InetAddress, UInt16>.createSocket(
                on: .inherited(listener.release()), options: options
            ) { _, _ in }
            #expect(accept.calls == 1)
            await clock.advance(by: .milliseconds(100), on: loop)
            #expect(accept.calls == 2)
            await clock.advance(by: .milliseconds(200), on: loop)
            // One was dropped, then came the third error: its pause is a first one again.
            #expect(try await clients[0].readToEnd().isEmpty)
            #expect(accept.calls == 4)
            await clock.advance(by: .milliseconds(100), on: loop)
            #expect(try await clients[1].readToEnd().isEmpty)
            #expect(events.all.refused == 2)
            for client in clients { await client.close() }
            await server.close()
        }
    }
}
