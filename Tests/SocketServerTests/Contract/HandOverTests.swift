// SPDX-License-Identifier: Apache-2.0
// Connections handed over to somebody else: whose end the peer sees, and who is asked to stop.

internal import EventLoops
internal import Glibc
internal import Policy
internal import SocketServer
internal import TestSupport
internal import Testing

@Suite("Handing a connection over", .timeLimit(.minutes(5)))
struct HandOverTests {
    // What a program does that was given a copy of the socket.
    private final class Program: Sendable {
        let copy = OneShot<OwnedDescriptor?>()
        let stopped = EventLog<Void>()
        let hasEnded = OneShot<Void>()

        func serve(_ connection: Connection) async {
            copy.fulfil(connection.socket.duplicate())
            await connection.handOver(stop: { self.stopped.append(()) }, ended: { await self.hasEnded.value() })
        }

        func write(_ text: String) async -> Bool {
            guard let number = await copy.value()?.number else { return false }
            let bytes = Array(text.utf8)
            return send(number, bytes, bytes.count, CInt(MSG_NOSIGNAL)) == bytes.count
        }

        func end() async {
            await copy.value()?.close()
            hasEnded.fulfil(())
        }
    }

    private typealias Body =
        @Sendable (EventLoop, Server<UnixAddress, String>, TestClient, Program) async throws -> Void

    // A server whose only connection was handed over.
    private func handedOver(_ body: @escaping Body) async throws {
        try await onLoop { loop in
            let program = Program()
            let connections = EventLog<Void>()
            var options = ServerOptions()
            options.maxConnections = 1
            let server = try await Server.createConnection(on: .abstract(uniqueName()), options: options) {
                connection in
                connections.append(())
                if connections.all.count == 1 { await program.serve(connection) }
            }
            let client = try server.newClient(on: loop)
            _ = await program.copy.value()
            await settle(loop)
            try await body(loop, server, client, program)
            await client.close()
            await server.close()
            await server.closeFinishedAndHandlersDetermined()
            #expect(server.numConnections == 0 && server.handlerFailure == nil)
        }
    }

    @Test("our copy is closed without shutdown: the peer sees no end while the other owner keeps its own")
    func noEnd() async throws {
        try await handedOver { _, _, client, program in
            #expect(client.pending == .nothing)
            #expect(await program.write("from the program"))
            #expect(try await client.read(16) == Array("from the program".utf8))
            try client.write("to the program")
            var buffer = [UInt8](repeating: 0, count: 100)
            let copy = try #require(await program.copy.value())
            #expect(recv(copy.number, &buffer, buffer.count, 0) == 14)
            // With ours closed already, the other owner's close is what the peer sees.
            copy.close()
            let rest = try await client.readToEnd()
            #expect(rest == [])
            await program.end()
        }
    }

    @Test("the connection counts, and its slot stays taken, until the other owner has ended")
    func counts() async throws {
        try await handedOver { loop, server, client, program in
            await program.copy.value()?.close()
            let second = try server.newClient(on: loop)
            await settle(loop)
            #expect(server.numConnections == 1)
            #expect(second.pending == .nothing)
            program.hasEnded.fulfil(())
            // The handler of the second connection returns at once.
            #expect(try await second.readToEnd() == [])
            await settle(loop)
            #expect(server.numConnections == 0)
            await second.close()
        }
    }

    @Test("closing asks the other owner to stop, exactly once, however many close, and waits until it has ended")
    func stoppedOnce() async throws {
        try await handedOver { loop, server, client, program in
            let closed = EventLog<Void>()
            for _ in 0..<5 {
                _ = Task(executorPreference: loop) {
                    await server.close(closeExistingConnections: true)
                    closed.append(())
                }
            }
            await settle(loop)
            #expect(program.stopped.all.count == 1)
            #expect(closed.all.isEmpty && server.isClosed && server.numConnections == 1)
            // Ours was closed without shutdown before: the program may still say its last words.
            #expect(client.pending == .nothing)
            #expect(await program.write("bye"))
            await program.end()
            await closed.wait(forCount: 5)
            let words = try await client.readToEnd()
            #expect(words == Array("bye".utf8))
            #expect(program.stopped.all.count == 1)
        }
    }

    @Test("a plain close leaves it alone")
    func plainClose() async throws {
        try await handedOver { loop, server, client, program in
            await server.close()
            await settle(loop)
            #expect(program.stopped.all.isEmpty && server.numConnections == 1)
            #expect(client.pending == .nothing)
            await program.end()
        }
    }

    @Test("one that has ended is not asked to stop any more")
    func stoppedTooLate() async throws {
        try await handedOver { loop, server, _, program in
            await program.end()
            await settle(loop)
            await server.close(closeExistingConnections: true)
            #expect(program.stopped.all.isEmpty)
        }
    }

    @Test("a connection that was closed before it is handed over asks its new owner to stop at once")
    func closedBefore() async throws {
        try await onLoop { loop in
            let mayHandOver = OneShot<Void>()
            let stopped = EventLog<Void>()
            let server = try await Server.createConnection(on: .abstract(uniqueName())) { connection in
                await mayHandOver.value()
                await connection.handOver(stop: { stopped.append(()) }, ended: { await stopped.wait(forCount: 1) })
            }
            let client = try server.newClient(on: loop)
            await settle(loop)
            await server.close(closeExistingConnections: true)
            #expect(client.pending == .end)
            mayHandOver.fulfil(())
            await server.closeFinishedAndHandlersDetermined()
            #expect(stopped.all.count == 1)
            await client.close()
        }
    }

    @Test("a single connection can be closed: in process at once, handed over when it has ended")
    func closeOne() async throws {
        try await onLoop { loop in
            let connections = EventLog<Connection>()
            let program = Program()
            let mayEnd = OneShot<Void>()
            let server = try await Server.createConnection(on: .abstract(uniqueName())) { connection in
                connections.append(connection)
                if connections.all.count == 1 { await mayEnd.value() } else { await program.serve(connection) }
            }
            let clients = try (0..<2).map { _ in try server.newClient(on: loop) }
            await connections.wait(forCount: 2)
            await settle(loop)
            await connections.all[0].close()
            #expect(clients.map(\.pending) == [.end, .nothing])
            #expect(server.numConnections == 2 && !server.isClosed)
            let closing = Task(executorPreference: loop) { await connections.all[1].close() }
            await program.stopped.wait(forCount: 1)
            await program.end()
            await closing.value
            mayEnd.fulfil(())
            await server.close()
            await server.closeFinishedAndHandlersDetermined()
            #expect(Set(connections.all.map(\.id)).count == 2)
            for client in clients { await client.close() }
        }
    }

    @Test("handing over leaves no descriptor behind")
    func census() async {
        await #expect(processExitsWith: .success) {
            let left = try await leftBehind {
                try await onLoop { loop in
                    let server = try await Server.createConnection(on: .abstract(uniqueName())) { connection in
                        await connection.handOver(stop: {}, ended: {})
                    }
                    for _ in 0..<20 {
                        let client = try server.newClient(on: loop)
                        _ = try await client.readToEnd()
                        await client.close()
                    }
                    await server.close(closeExistingConnections: true)
                    await server.closeFinishedAndHandlersDetermined()
                }
            }
            #expect(left.isEmpty, "\(left)")
        }
    }
}
