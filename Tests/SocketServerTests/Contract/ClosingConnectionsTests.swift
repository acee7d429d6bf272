// SPDX-License-Identifier: Apache-2.0
// Closing a server together with its connections: what the handlers and the peers see, and what is nobody's error.

internal import EventLoops
internal import Policy
internal import SocketServer
internal import Sockets
internal import SystemPackage
internal import TestSupport
internal import Testing

@Suite("Closing existing connections", .timeLimit(.minutes(5)))
struct ClosingConnectionsTests {
    @Test("their sockets are closed, their handlers neither cancelled nor waited for: reads end, writes fail (B54)")
    func existingConnectionsClosed() async throws {
        try await onLoop { loop in
            let read = OneShot<[UInt8]?>()
            let written = OneShot<ServerError.Code?>()
            let isCancelled = OneShot<Bool>()
            let mayEnd = OneShot<Void>()
            let server = try await Server.create(on: .abstract(uniqueName())) { _, reader, writer in
                read.fulfil(try await reader.read())
                do {
                    try await writer.write("x")
                    written.fulfil(nil)
                } catch { written.fulfil((error as? ServerError)?.code) }
                isCancelled.fulfil(Task.isCancelled)
                await mayEnd.value()
            }
            let client = try server.newClient(on: loop)
            await settle(loop)
            await server.close(closeExistingConnections: true)
            #expect(client.pending == .end)
            #expect(server.numConnections == 1)
            #expect(await read.value() == nil)
            #expect(await written.value() == .closed)
            #expect(await !isCancelled.value())
            mayEnd.fulfil(())
            await server.closeFinishedAndHandlersDetermined()
            #expect(server.numConnections == 0 && server.handlerFailure == nil)
            await client.close()
        }
    }

    @Test("closing the existing connections after a plain close closes them still (B51)")
    func closedLater() async throws {
        try await onLoop { loop in
            let mayEnd = OneShot<Void>()
            let server = try await Server.createSocket(on: .abstract(uniqueName())) { _, _ in await mayEnd.value() }
            let clients = try (0..<3).map { _ in try server.newClient(on: loop) }
            await settle(loop)
            await server.close()
            #expect(clients.map(\.pending) == [.nothing, .nothing, .nothing])
            await server.close(closeExistingConnections: true)
            #expect(clients.map(\.pending) == [.end, .end, .end])
            #expect(server.numConnections == 3)
            mayEnd.fulfil(())
            await server.closeFinishedAndHandlersDetermined()
            for client in clients { await client.close() }
        }
    }

    @Test("a writer that fails because the server closed its connection is no handler's error (B55, strengthened)")
    func activeWriter() async throws {
        try await withManualClock { loop, clock in
            let errors = EventLog<any Error>()
            let wrote = OneShot<Void>()
            let server = try await Server.create(
                on: .portChosenByOS, onHandlerError: .call { errors.append($1) }
            ) { _, _, writer in
                _ = Task(executorPreference: loop) {
                    await settle(loop)
                    wrote.fulfil(())
                }
                while true { try await writer.write([UInt8](repeating: 0, count: 1 << 20)) }
            }
            let client = try server.newClient(on: loop)
            await wrote.value()
            await server.close(closeExistingConnections: true)
            await server.closeFinishedAndHandlersDetermined()
            #expect(errors.all.isEmpty && server.handlerFailure == nil)
            await client.close()
        }
    }

    @Test("a socket that fails because the server closed it is no handler's error (B55, strengthened)")
    func activeSocket() async throws {
        try await onLoop { loop in
            let server = try await Server.createSocket(on: .portChosenByOS) { _, socket in
                _ = try await socket.receive(upTo: 1)
            }
            let client = try server.newClient(on: loop)
            await settle(loop)
            await server.close(closeExistingConnections: true)
            await server.closeFinishedAndHandlersDetermined()
            #expect(server.handlerFailure == nil)
            await client.close()
        }
    }

    @Test("an error of the handler's own is its error, also when the server closed the connection (B48)")
    func ownError() async throws {
        struct Failure: Error {}
        try await onLoop { loop in
            let server = try await Server.create(on: .portChosenByOS) { _, reader, _ in
                guard try await reader.read() != nil else { throw Failure() }
            }
            let client = try server.newClient(on: loop)
            await settle(loop)
            await server.close(closeExistingConnections: true)
            await server.closeFinishedAndHandlersDetermined()
            #expect(server.handlerFailure is Failure)
            await client.close()
        }
    }

    @Test("the handler is never called after close, also when close comes between accept and its start (B52)")
    func closeBeforeStart() async throws {
        try await onLoop { loop in
            let server = OneShot<Server<UnixAddress, String>>()
            let atReturn = OneShot<(count: Int, TestClient.Pending?)>()
            let client = OneShot<TestClient>()
            let handled = EventLog<Void>()
            let (refused, ended) = (OneShot<Void>(), OneShot<Bool>())
            let limit = ConnectionLimit(5)
            var options = ServerOptions()
            options.connectionLimit = limit
            options.onEvent = { event in
                switch event {
                case .connectionAccepted:
                    // It runs before the handler's task, which is made after this.
                    _ = Task(executorPreference: loop) {
                        let server = await server.value()
                        await server.close()
                        atReturn.fulfil((server.numConnections, client.current?.pending))
                    }
                case .connectionRefused: refused.fulfil(())
                case .connectionEnded(let connection, _, let error):
                    ended.fulfil(connection.isClosedByServer && error == nil)
                default: break
                }
            }
            server.fulfil(
                try await Server.createSocket(on: .abstract(uniqueName()), options: options) { _, _ in
                    handled.append(())
                })
            client.fulfil(try await server.value().newClient(on: loop))
            let (count, pending) = await atReturn.value()
            // It leaves the count only after its close(2): counted and open, or neither.
            #expect((count == 1) == (pending == .nothing))
            await server.value().closeFinishedAndHandlersDetermined()
            #expect(await server.value().numConnections == 0)
            #expect(await client.value().pending == .end)
            await refused.value()
            #expect(await ended.value(), "whoever was told of it is told of its end")
            #expect(handled.all.isEmpty)
            #expect(limit.taken == 0, "its slot is for the other servers of the limit")
            await client.value().close()
        }
    }

    @Test("the handler is never called after close, in rounds of clients who come while it closes (B52)")
    func closeRace() async throws {
        try await onLoop { loop in
            for round in 0..<100 {
                let closeCalled = OneShot<Void>()
                let handled = EventLog<Bool>()
                let server = try await Server.createSocket(on: .abstract(uniqueName())) { _, _ in
                    handled.append(closeCalled.current == nil)
                }
                let clients = try (0..<4).map { _ in try server.newClient(on: loop) }
                for _ in 0..<(round % 5) { await Task.yield() }
                closeCalled.fulfil(())
                await server.close()
                await server.closeFinishedAndHandlersDetermined()
                for client in clients { await client.close() }
                #expect(!handled.all.contains(false))
            }
        }
    }

    @Test(
        "finishAccepting serves those whom it accepted last, a close meanwhile does not (B52)",
        arguments: [false, true])
    func finishAccepting(closing: Bool) async throws {
        try await onLoop { loop in
            let handled = EventLog<Void>()
            let server = try await Server.createSocket(on: .abstract(uniqueName())) { _, _ in handled.append(()) }
            // In the queue: the loop has had no turn since.
            let clients = try (0..<4).map { _ in try server.newClient(on: loop) }
            let finishing = Task(executorPreference: loop) { await server.finishAccepting() }
            if closing { await server.close() }
            await finishing.value
            await server.closeFinishedAndHandlersDetermined()
            #expect(handled.all.count == (closing ? 0 : 4))
            for client in clients { await client.close() }
        }
    }

    @Test("closing leaves no descriptor behind, whatever the connections are doing")
    func census() async {
        await #expect(processExitsWith: .success) {
            let left = try await leftBehind {
                try await onLoop { loop in
                    for round in 0..<12 {
                        let server = try await Server.create(on: .portChosenByOS, onHandlerError: .ignore) {
                            _, reader, writer in
                            while let bytes = try await reader.read() { try await writer.write(bytes) }
                        }
                        let clients = try (0..<4).map { _ in try server.newClient(on: loop) }
                        for _ in 0..<(round % 4) { await settle(loop) }
                        await server.close(closeExistingConnections: round.isMultiple(of: 2))
                        for client in clients { await client.close() }
                        await server.closeFinishedAndHandlersDetermined()
                    }
                }
            }
            #expect(left.isEmpty, "\(left)")
        }
    }
}
