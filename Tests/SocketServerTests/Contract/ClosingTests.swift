// SPDX-License-Identifier: Apache-2.0
// Closing a server: what is true at once, what when it returns, and for everybody who waits.

internal import EventLoops
internal import Policy
internal import SocketServer
internal import TestSupport
internal import Testing

@Suite("Closing", .timeLimit(.minutes(5)))
struct ClosingTests {
    private func echo(_ options: ServerOptions = ServerOptions()) async throws -> Server<InetAddress, UInt16> {
        try await Server.create(on: .portChosenByOS, options: options) { _, reader, writer in
            while let bytes = try await reader.read() { try await writer.write(bytes) }
        }
    }

    @Test("isClosed is true before the first suspension of close, called from a task of another executor (B49)")
    func closedAtOnceFromTask() async throws {
        try await onLoop { loop in
            let server = try await echo()
            let stepwise = StepExecutor()
            let closing = Task(executorPreference: stepwise) { await server.close() }
            #expect(!server.isClosed)
            #expect(stepwise.run())
            #expect(server.isClosed)
            while server.withListeningSocket({ $0 }) != nil { await settle(loop) }
            let returned = OneShot<Void>()
            _ = Task {
                await closing.value
                returned.fulfil(())
            }
            while returned.current == nil {
                stepwise.run()
                await settle(loop)
            }
        }
    }

    @Test("isClosed is true before the first suspension of close, called from an actor of another executor (B49)")
    func closedAtOnceFromActor() async throws {
        actor Owner {
            let executor = StepExecutor(forActor: true)
            nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
            func close(_ server: Server<InetAddress, UInt16>) async { await server.close() }
        }
        try await onLoop { loop in
            let server = try await echo()
            let owner = Owner()
            let returned = OneShot<Void>()
            _ = Task {
                await owner.close(server)
                returned.fulfil(())
            }
            // The job arrives from another thread.
            while !owner.executor.run() { await settle(loop) }
            #expect(server.isClosed)
            while returned.current == nil {
                owner.executor.run()
                await settle(loop)
            }
        }
    }

    @Test(
        "when close returns, the listening socket is closed and the wait for clients over, without an error; nothing else closes it (B49, B57)"
    )
    func closed() async throws {
        try await onLoop { loop in
            let events = EventLog<String>()
            var options = ServerOptions()
            options.onEvent = { events.append("\($0)") }
            let server = try await Server.createSocket(on: .abstract(uniqueName()), options: options) { _, _ in }
            #expect(server.withListeningSocket { $0 } != nil && !server.isClosed)
            await server.close()
            #expect(server.withListeningSocket { $0 } == nil && server.isClosed)
            try await server.untilClientsAreRefused(on: loop)
            try await server.closeFinishedThrowing()
            #expect(events.all == ["closed(error: nil)"])
        }
    }

    @Test("a hundred who close at once, from the loop and from elsewhere, all return, and it is closed once (B50)")
    func manyClosers() async throws {
        try await onLoop { loop in
            let closed = EventLog<Void>()
            var options = ServerOptions()
            options.onEvent = { if case .closed = $0 { closed.append(()) } }
            let server = try await echo(options)
            let clients = try (0..<3).map { _ in try server.newClient(on: loop) }
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<100 {
                    let preference: (any TaskExecutor)? = number.isMultiple(of: 2) ? loop : globalConcurrentExecutor
                    group.addTask(executorPreference: preference) {
                        await server.close(closeExistingConnections: number.isMultiple(of: 5))
                        #expect(server.isClosed && server.withListeningSocket { $0 } == nil)
                    }
                }
            }
            await server.closeFinishedAndHandlersDetermined()
            await server.close()
            #expect(closed.all.count == 1)
            for client in clients { await client.close() }
        }
    }

    @Test("a closer that is cancelled has closed all the same (B50)")
    func cancelledCloser() async throws {
        try await onLoop { loop in
            let server = try await echo()
            let closing = Task(executorPreference: globalConcurrentExecutor) {
                withUnsafeCurrentTask { $0?.cancel() }
                await server.close()
            }
            await closing.value
            #expect(server.isClosed)
            await server.closeFinished()
            #expect(server.withListeningSocket { $0 } == nil)
        }
    }

    @Test("a cancelled wait for the close returns, and closes nothing (B50, B56)")
    func cancelledWaiter() async throws {
        try await onLoop { loop in
            let server = try await echo()
            let waiting = Task(executorPreference: loop) { await server.closeFinished() }
            let determined = Task(executorPreference: loop) { await server.closeFinishedAndHandlersDetermined() }
            let throwing = Task(executorPreference: loop) { try await server.closeFinishedThrowing() }
            await settle(loop)
            waiting.cancel()
            determined.cancel()
            throwing.cancel()
            await waiting.value
            await determined.value
            await #expect(throws: CancellationError.self) { try await throwing.value }
            #expect(!server.isClosed)
            await server.close()
        }
    }

    @Test("closeFinished is the moment at which close returns, and nothing without a close (B56)")
    func closeFinished() async throws {
        try await onLoop { loop in
            let server = try await echo()
            let finished = OneShot<Void>()
            _ = Task(executorPreference: loop) {
                await server.closeFinished()
                finished.fulfil(())
            }
            await settle(loop)
            #expect(finished.current == nil && !server.isClosed)
            await server.close()
            await finished.value()
            await server.closeFinished()
        }
    }

    @Test("plain close leaves connections and their handlers alone, and does not wait for them (B53)")
    func existingConnectionsLive() async throws {
        try await onLoop { loop in
            let server = try await echo()
            let client = try server.newClient(on: loop)
            try client.write("before")
            #expect(try await client.read(6) == Array("before".utf8))
            await server.close()
            #expect(server.numConnections == 1)
            try client.write("after")
            #expect(try await client.read(5) == Array("after".utf8))
            client.finishWriting()
            #expect(try await client.readToEnd() == [])
            await server.closeFinishedAndHandlersDetermined()
            #expect(server.numConnections == 0)
            await client.close()
        }
    }

    @Test("all handlers determined: after the close and the last handler, not before, also without handlers (B59)")
    func determined() async throws {
        try await onLoop { loop in
            let orders = [OneShot<Void>(), OneShot<Void>()]
            let started = EventLog<Void>()
            let server = try await Server.createSocket(on: .portChosenByOS) { _, _ in
                let mine = orders[started.all.count]
                started.append(())
                await mine.value()
            }
            let clients = try orders.map { _ in try server.newClient(on: loop) }
            await started.wait(forCount: 2)
            let determined = OneShot<Void>()
            _ = Task(executorPreference: loop) {
                await server.closeFinishedAndHandlersDetermined()
                determined.fulfil(())
            }
            orders[0].fulfil(())
            await settle(loop)
            await server.close()
            await settle(loop)
            #expect(determined.current == nil)
            orders[1].fulfil(())
            await determined.value()
            #expect(server.numConnections == 0)
            for client in clients { await client.close() }
            let idle = try await echo()
            await idle.close()
            await idle.closeFinishedAndHandlersDetermined()
        }
    }

    @Test("all handlers determined: also after a handler's error has closed the server (B59)")
    func determinedAfterRaise() async throws {
        struct Failure: Error {}
        try await onLoop { loop in
            let server = try await Server.createSocket(on: .portChosenByOS) { _, _ in throw Failure() }
            let client = try server.newClient(on: loop)
            await server.closeFinishedAndHandlersDetermined()
            #expect(server.isClosed && server.numConnections == 0)
            await client.close()
        }
    }

    @Test("a server serves on when nobody holds it any more")
    func dropped() async throws {
        try await onLoop { loop in
            let address = try await {
                let server = try await echo()
                return server.listeningOnAddress
            }()
            await settle(loop)
            let client = try TestClient.connect(to: address, on: loop)
            try client.write("still there?")
            #expect(try await client.read(12) == Array("still there?".utf8))
            await client.close()
        }
    }
}
