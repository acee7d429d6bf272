// SPDX-License-Identifier: Apache-2.0
// What becomes of a handler's error: ignored, called, raised, and what is no handler's error.

internal import EventLoops
internal import Policy
internal import SocketServer
internal import TestSupport
internal import Testing

@Suite("A handler's error", .timeLimit(.minutes(5)))
struct HandlerErrorTests {
    struct Failure: Error, Equatable {
        var number = 0
    }

    @Test("the callback gets the peer and the error itself, after the socket is closed and uncounted (B42, B45, B46)")
    func calledAfterTheEnd() async throws {
        try await onLoop { loop in
            let server = OneShot<Server<UnixAddress, String>>()
            let client = OneShot<TestClient>()
            let mayFail = OneShot<Void>()
            let seen = OneShot<(UnixAddress, (any Error), count: Int?, TestClient.Pending?)>()
            server.fulfil(
                try await Server.create(
                    on: .abstract(uniqueName()),
                    onHandlerError: .call { peer, error in
                        seen.fulfil((peer, error, server.current?.numConnections, client.current?.pending))
                    }
                ) { _, _, _ in
                    await mayFail.value()
                    throw Failure(number: 3)
                })
            client.fulfil(try await server.value().newClient(on: loop))
            await settle(loop)
            #expect(await server.value().numConnections == 1)
            mayFail.fulfil(())
            let (peer, error, count, pending) = await seen.value()
            #expect(peer == .unnamed)
            #expect(error as? Failure == Failure(number: 3))
            #expect(count == 0)
            #expect(pending == .end)
            await client.value().close()
            await server.value().close()
        }
    }

    @Test("the callback gets the address that the client has on its side (B45)")
    func calledWithAddress() async throws {
        try await onLoop { loop in
            let peer = OneShot<InetAddress>()
            let server = try await Server.createSocket(
                on: .portChosenByOS, onHandlerError: .call { address, _ in peer.fulfil(address) }
            ) { _, _ in throw Failure() }
            let address = SocketAddress.inet(InetAddress(ip: .loopbackV4, port: server.listeningOn))
            let client = try TestClient.connect(to: address, on: loop)
            let own = try #require(client.socket.localAddress)
            #expect(await .inet(peer.value()) == own)
            await client.close()
            await server.close()
        }
    }

    @Test("nobody else has the slot before the callback has seen the error (B42)")
    func calledBeforeTheSlotIsFree() async throws {
        try await onLoop { loop in
            let limit = ConnectionLimit(1)
            let taken = OneShot<Int>()
            var options = ServerOptions()
            options.connectionLimit = limit
            let server = try await Server.create(
                on: .portChosenByOS, options: options, onHandlerError: .call { _, _ in taken.fulfil(limit.taken) }
            ) { _, _, _ in throw Failure() }
            _ = try await server.answer(on: loop)
            #expect(await taken.value() == 1)
            await server.close()
            await server.closeFinishedAndHandlersDetermined()
            #expect(limit.taken == 0)
        }
    }

    @Test("ignore accepts on, whatever handlers throw (B43)")
    func ignored() async throws {
        try await onLoop { loop in
            let server = try await Server.create(on: .portChosenByOS, onHandlerError: .ignore) { _, _, writer in
                try await writer.write("hello")
                throw Failure()
            }
            for _ in 0..<5 {
                #expect(try await server.answer(on: loop) == Array("hello".utf8))
            }
            #expect(!server.isClosed && server.handlerFailure == nil)
            await server.close()
            try await server.closeFinishedThrowing()
        }
    }

    @Test("a callback that returns accepts on (B45)")
    func called() async throws {
        try await onLoop { loop in
            let errors = EventLog<Int>()
            let numbers = EventLog<Void>()
            let server = try await Server.create(
                on: .portChosenByOS, onHandlerError: .call { errors.append(($1 as? Failure)?.number ?? -1) }
            ) { _, _, _ in
                numbers.append(())
                throw Failure(number: numbers.all.count)
            }
            for count in 1...5 {
                let client = try server.newClient(on: loop)
                await errors.wait(forCount: count)
                await client.close()
            }
            #expect(errors.all == [1, 2, 3, 4, 5])
            #expect(!server.isClosed)
            await server.close()
        }
    }

    // A server, on a name that nobody else takes once it is closed, of three clients; each handler waits to be told whether to throw.
    private func raising(
        _ policy: OnHandlerError<UnixAddress>,
        _ body:
            @escaping @Sendable (EventLoop, Server<UnixAddress, String>, [TestClient], [OneShot<Int>]) async throws ->
            Void
    ) async throws {
        try await onLoop { loop in
            let orders = (0..<3).map { _ in OneShot<Int>() }
            let started = EventLog<Void>()
            let server = try await Server.create(on: .abstract(uniqueName()), onHandlerError: policy) {
                _, reader, writer in
                let mine = started.all.count
                started.append(())
                let number = await orders[mine].value()
                if number != 0 { throw Failure(number: number) }
                while let bytes = try await reader.read() { try await writer.write(bytes) }
            }
            var clients: [TestClient] = []
            for count in 1...3 {
                clients.append(try server.newClient(on: loop))
                await started.wait(forCount: count)
            }
            try await body(loop, server, clients, orders)
            for client in clients { await client.close() }
            await server.closeFinishedAndHandlersDetermined()
            #expect(server.numConnections == 0)
        }
    }

    @Test("raise closes the listener, keeps the first error, and lets other connections live (B44, B47)")
    func raised() async throws {
        try await raising(.raise) { loop, server, clients, orders in
            orders[0].fulfil(1)
            await #expect(throws: Failure(number: 1)) { try await server.closeFinishedThrowing() }
            #expect(server.isClosed && server.numConnections == 2)
            try await server.untilClientsAreRefused(on: loop)
            orders[1].fulfil(2)
            _ = try await clients[1].readToEnd()
            #expect(server.handlerFailure as? Failure == Failure(number: 1))
            orders[2].fulfil(0)
            try clients[2].write("still here")
            clients[2].finishWriting()
            #expect(try await clients[2].readToEnd() == Array("still here".utf8))
        }
    }

    @Test("a callback that throws is as raise, with the error that it threw (B45)")
    func callThrows() async throws {
        let policy = OnHandlerError<UnixAddress>.call { _, error in
            throw Failure(number: 100 + ((error as? Failure)?.number ?? 0))
        }
        try await raising(policy) { loop, server, clients, orders async throws in
            orders[0].fulfil(1)
            await #expect(throws: Failure(number: 101)) { try await server.closeFinishedThrowing() }
            #expect(server.numConnections == 2)
            try await server.untilClientsAreRefused(on: loop)
            orders[1].fulfil(2)
            orders[2].fulfil(0)
            clients[2].finishWriting()
            #expect(try await clients[2].readToEnd() == [])
            #expect(server.handlerFailure as? Failure == Failure(number: 101))
        }
    }

    @Test("handlers that fail after close are still reported (B48)")
    func reportedAfterClose() async throws {
        let errors = EventLog<Int>()
        try await raising(.call { errors.append(($1 as? Failure)?.number ?? -1) }) { _, server, _, orders in
            await server.close()
            for (index, order) in orders.enumerated() { order.fulfil(index + 1) }
            await errors.wait(forCount: 3)
            #expect(errors.all == [1, 2, 3])
        }
    }

    @Test("with raise, the first handler that fails after close is kept as the failure (B48)")
    func raisedAfterClose() async throws {
        try await raising(.raise) { _, server, clients, orders in
            await server.close()
            try await server.closeFinishedThrowing()
            for (index, order) in orders.enumerated() {
                order.fulfil(index + 1)
                _ = try await clients[index].readToEnd()
            }
            #expect(server.handlerFailure as? Failure == Failure(number: 1))
        }
    }

    @Test("a peer that vanishes while it is written to is no handler's error (B40)")
    func peerGone() async throws {
        try await onLoop { loop in
            let ended = OneShot<Void>()
            var options = ServerOptions()
            options.onEvent = { if case .connectionEnded = $0 { ended.fulfil(()) } }
            let server = try await Server.create(on: .portChosenByOS, options: options, onHandlerError: .raise) {
                _, _, writer in
                while true { try await writer.write([UInt8](repeating: 1, count: 1000)) }
            }
            let client = try server.newClient(on: loop)
            _ = try await client.read(5000)
            client.reset()
            await ended.value()
            #expect(!server.isClosed && server.handlerFailure == nil)
            let next = try server.newClient(on: loop)
            #expect(try await next.read(10).count == 10)
            next.reset()
            await server.close()
            await server.closeFinishedAndHandlersDetermined()
            #expect(server.handlerFailure == nil)
        }
    }

    @Test("when the peer vanishes, the connection ends though its handler goes on (B40)")
    func peerGoneHandlerGoesOn() async throws {
        try await onLoop { loop in
            let ended = OneShot<Void>()
            var options = ServerOptions()
            options.onEvent = { if case .connectionEnded = $0 { ended.fulfil(()) } }
            let mayEnd = OneShot<Void>()
            let handlerEnded = OneShot<Void>()
            let server = try await Server.create(on: .portChosenByOS, options: options) { _, _, writer in
                do { while true { try await writer.write([UInt8](repeating: 1, count: 1000)) } } catch {}
                await mayEnd.value()
                handlerEnded.fulfil(())
                throw Failure()
            }
            let client = try server.newClient(on: loop)
            client.reset()
            await ended.value()
            #expect(server.numConnections == 0)
            #expect(handlerEnded.current == nil)
            mayEnd.fulfil(())
            await handlerEnded.value()
            await settle(loop)
            #expect(server.handlerFailure == nil, "at most one report a connection")
            await server.close()
        }
    }

    @Test("a peer that resets the connection reads as the end (B40)")
    func resetReadsAsEnd() async throws {
        try await onLoop { loop in
            let read = OneShot<Result<[UInt8]?, any Error>>()
            let server = try await Server.create(on: .portChosenByOS) { _, reader, _ in
                do { read.fulfil(.success(try await reader.read())) } catch { read.fulfil(.failure(error)) }
            }
            let client = try server.newClient(on: loop)
            await settle(loop)
            client.reset()
            #expect(try await read.value().get() == nil)
            await server.close()
            await server.closeFinishedAndHandlersDetermined()
            #expect(server.handlerFailure == nil)
        }
    }
}
