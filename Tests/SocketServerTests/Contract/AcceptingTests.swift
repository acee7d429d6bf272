// SPDX-License-Identifier: Apache-2.0
// The accept gate: when accept is called, for how many at once, and what an accepted socket is like.

internal import Glibc
internal import SocketServer
internal import Sockets
internal import SystemPackage
internal import TestSupport
internal import Testing

@Suite("Accepting", .timeLimit(.minutes(5)))
struct AcceptingTests {
    @Test("accept is not called while nobody is there, nor at the limit (B19, B20)")
    func gate() async throws {
        try await onLoop { loop in
            let accept = ScriptedAccept()
            var options = ServerOptions()
            options.maxConnections = 1
            options.acceptCall = accept.call
            let server = try await Server.createSocket(on: .portChosenByOS, options: options) {
                try await greetAndStay($1)
            }
            await settle(loop)
            let idle = accept.calls
            await settle(loop)
            #expect(accept.calls == idle)
            let first = try TestClient.connect(to: server.loopback, on: loop)
            #expect(await first.isGreeted())
            let atLimit = accept.calls
            let second = try TestClient.connect(to: server.loopback, on: loop)
            await settle(loop)
            await settle(loop)
            #expect(accept.calls == atLimit)
            await first.close()
            #expect(await second.isGreeted())
            await second.close()
            await server.close()
        }
    }

    @Test("at the limit a client is connected, waits without an answer, and is served when a slot frees (B20, B23)")
    func waitsAtLimit() async throws {
        try await onLoop { loop in
            var options = ServerOptions()
            options.maxConnections = 2
            let server = try await Server.createSocket(on: .portChosenByOS, options: options) {
                try await greetAndStay($1)
            }
            var clients: [TestClient] = []
            for _ in 0..<2 {
                let client = try TestClient.connect(to: server.loopback, on: loop)
                #expect(await client.isGreeted())
                clients.append(client)
            }
            let waiting = try TestClient.connect(to: server.loopback, on: loop)
            await settle(loop)
            #expect(waiting.isWaiting)
            #expect(server.numConnections == 2)
            await clients[0].close()
            #expect(await waiting.isGreeted())
            #expect(server.numConnections == 2)
            await clients[1].close()
            await waiting.close()
            await server.close()
        }
    }

    @Test("a slot frees only when the handler is done and the client's descriptor closed (B23)")
    func slotIsHeld() async throws {
        try await onLoop { loop in
            let mayReturn = OneShot<Void>()
            let accept = ScriptedAccept()
            var options = ServerOptions()
            options.maxConnections = 1
            options.acceptCall = accept.call
            let sockets = EventLog<ConnectedSocket>()
            let server = try await Server.createSocket(on: .portChosenByOS, options: options) { _, socket in
                // The second one: by now the first one's descriptor must be closed.
                if let first = sockets.all.first { #expect(first.isClosed) }
                sockets.append(socket)
                await mayReturn.value()
            }
            let first = try TestClient.connect(to: server.loopback, on: loop)
            let second = try TestClient.connect(to: server.loopback, on: loop)
            await sockets.wait(forCount: 1)
            let before = accept.calls
            // The descriptor is closed, and the handler is not done.
            await sockets.all[0].close()
            await settle(loop)
            #expect(server.numConnections == 1)
            #expect(accept.calls == before)
            mayReturn.fulfil(())
            await sockets.wait(forCount: 2)
            await first.close()
            await second.close()
            await server.close()
        }
    }

    @Test("that the limit is reached is told once, and not again within a minute (B24)")
    func limitIsTold() async throws {
        try await withManualClock { loop, clock in
            let events = EventLog<ServerEvent>()
            var options = ServerOptions()
            options.maxConnections = 1
            options.onEvent = { events.append($0) }
            let server = try await Server.createSocket(on: .portChosenByOS, options: options) {
                try await greetAndStay($1)
            }
            var served = try TestClient.connect(to: server.loopback, on: loop)
            #expect(await served.isGreeted())
            await settle(loop)
            #expect(events.all.limitTold == 0, "full, but nobody waits")
            for (advance, told) in [(Duration.zero, 1), (.seconds(59), 1), (.seconds(1), 2), (.zero, 2)] {
                await clock.advance(by: advance, on: loop)
                let waiting = try TestClient.connect(to: server.loopback, on: loop)
                await settle(loop)
                #expect(events.all.limitTold == told)
                await served.close()
                #expect(await waiting.isGreeted())
                served = waiting
            }
            for case .atConnectionLimit(let limit) in events.all { #expect(limit == 1) }
            await served.close()
            await server.close()
        }
    }

    @Test("that the limit is reached is not told while nobody waits, whatever makes the server look (B24)")
    func limitIsNotToldWithoutClient() async throws {
        try await onLoop { loop in
            let events = EventLog<ServerEvent>()
            var options = ServerOptions()
            options.maxConnections = 1
            options.onEvent = { events.append($0) }
            let server = try await Server.createSocket(on: .portChosenByOS, options: options) {
                try await greetAndStay($1)
            }
            let client = try TestClient.connect(to: server.loopback, on: loop)
            #expect(await client.isGreeted())
            server.setDropIncomingConnections(true)
            await settle(loop)
            server.setDropIncomingConnections(false)
            await settle(loop)
            #expect(events.all.limitTold == 0)
            await client.close()
            await server.close()
        }
    }

    @Test(
        "an accepted socket is close-on-exec and blocking, and without delay over TCP (B25)",
        arguments: [IPAddress.loopbackV4, .loopbackV6])
    func socketOptions(_ ip: IPAddress) async throws {
        try await onLoop { loop in
            let own = try await Server.createSocket(on: .portChosenByOS) { expectAcceptedOptions($1) }
            let listener = try makeRawSocket(.inet(InetAddress(ip: ip, port: 0)), backlog: 4)
            let adopted = try await Server<InetAddress, UInt16>.createSocket(on: .inherited(listener.release())) {
                expectAcceptedOptions($1)
            }
            for port in [own.listeningOn, adopted.listeningOn] {
                let client = try TestClient.connect(to: .inet(InetAddress(ip: ip, port: port)), on: loop)
                #expect(try await client.readToEnd() == [1])
                await client.close()
            }
            await own.close()
            await adopted.close()
        }
    }
}

/// Says 1 when it has looked at the options of an accepted TCP socket.
private func expectAcceptedOptions(_ socket: ConnectedSocket) {
    _ = socket.withDescriptor { number in
        #expect(fcntl(number, F_GETFD) & FD_CLOEXEC != 0)
        #expect(fcntl(number, F_GETFL) & O_NONBLOCK == 0)
        #expect(socketOption(number, CInt(IPPROTO_TCP), TCP_NODELAY) == 1)
    }
    _ = socket.sendNow([1])
}

@Suite("Accepting: batches", .timeLimit(.minutes(5)))
struct AcceptingBatchTests {
    /// What a server that finds `waiting` clients has accepted when its first handler begins.
    struct Batch: Sendable, CustomTestStringConvertible {
        let waiting: Int
        let batch: Int?
        let limit: Int
        let calls: Int
        let accepted: Int

        var testDescription: String { "\(waiting) waiting, batch \(batch ?? 16), limit \(limit)" }
    }

    static let batches = [
        // The default, one less, as many, one more.
        Batch(waiting: 15, batch: nil, limit: 100, calls: 16, accepted: 15),
        Batch(waiting: 16, batch: nil, limit: 100, calls: 16, accepted: 16),
        Batch(waiting: 17, batch: nil, limit: 100, calls: 16, accepted: 16),
        // Free slots: one less, as many, one more.
        Batch(waiting: 9, batch: 4, limit: 3, calls: 3, accepted: 3),
        Batch(waiting: 9, batch: 4, limit: 4, calls: 4, accepted: 4),
        Batch(waiting: 9, batch: 4, limit: 5, calls: 4, accepted: 4),
        // The smallest.
        Batch(waiting: 9, batch: 1, limit: 5, calls: 1, accepted: 1),
        Batch(waiting: 9, batch: 1, limit: 1, calls: 1, accepted: 1),
    ]

    @Test("a wake-up takes at most a batch, 16 by default, and at most the free slots (B21)", arguments: batches)
    func size(_ batch: Batch) async throws {
        try await onLoop { loop in
            let listener = try makeRawSocket(.loopback(port: 0), backlog: 32)
            let address = SocketAddress.loopback(port: boundPort(of: listener.number))
            let clients = try (0..<batch.waiting).map { _ in try TestClient.connect(to: address, on: loop) }
            let accept = ScriptedAccept()
            var options = ServerOptions()
            options.acceptCall = accept.call
            options.maxConnections = batch.limit
            if let size = batch.batch { options.maxAcceptsPerBatch = size }
            let events = EventLog<ServerEvent>()
            options.onEvent = { events.append($0) }
            let atFirstHandler = OneShot<[Int]>()
            let server = try await Server<InetAddress, UInt16>.createSocket(
                on: .inherited(listener.release()), options: options
            ) { _, socket in
                atFirstHandler.fulfil([accept.calls, events.all.accepted])
                try await greetAndStay(socket)
            }
            #expect(await atFirstHandler.value() == [batch.calls, batch.accepted])
            // The others follow, as far as the limit goes.
            for client in clients.prefix(batch.limit) { #expect(await client.isGreeted()) }
            #expect(server.numConnections == min(batch.waiting, batch.limit))
            for client in clients { await client.close() }
            await server.close()
        }
    }

    @Test(
        "all of a batch are counted before the first of their handlers runs, and they run in the order of arrival (B21, B22)"
    )
    func order() async throws {
        try await onLoop { loop in
            let listener = try makeRawSocket(.loopback(port: 0), backlog: 32)
            let address = SocketAddress.loopback(port: boundPort(of: listener.number))
            let clients = try (0..<5).map { _ in try TestClient.connect(to: address, on: loop) }
            let ports = clients.map { $0.socket.withDescriptor { boundPort(of: $0) } }
            let holder = OneShot<Server<InetAddress, UInt16>>()
            let seen = EventLog<(port: UInt16, count: Int)>()
            let server = try await Server<InetAddress, UInt16>.createSocket(on: .inherited(listener.release())) {
                peer, socket in
                let server = await holder.value()
                seen.append((peer.port, server.numConnections))
                try await greetAndStay(socket)
            }
            holder.fulfil(server)
            await seen.wait(forCount: 5)
            #expect(seen.all.map(\.port) == ports)
            #expect(seen.all.allSatisfy { $0.count == 5 })
            for client in clients { await client.close() }
            await server.close()
        }
    }

    @Test("after a full batch the next one follows by itself (B21)")
    func nextBatch() async throws {
        try await onLoop { loop in
            var options = ServerOptions()
            options.maxAcceptsPerBatch = 3
            let server = try await Server.createSocket(on: .portChosenByOS, options: options) {
                try await greetAndStay($1)
            }
            let clients = try (0..<10).map { _ in try TestClient.connect(to: server.loopback, on: loop) }
            for client in clients { #expect(await client.isGreeted()) }
            for client in clients { await client.close() }
            await server.close()
        }
    }
}
