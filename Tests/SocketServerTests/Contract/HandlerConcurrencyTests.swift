// SPDX-License-Identifier: Apache-2.0
// Handlers beside each other: they run concurrently, each with its own fate, on the loop, without taking it over.

internal import CLinux
internal import EventLoops
internal import Glibc
internal import SocketServer
internal import TestSupport
internal import Testing

@testable internal import Sockets

@Suite("Handlers side by side", .timeLimit(.minutes(5)))
struct HandlerConcurrencyTests {
    struct Failure: Error {}

    @Test("handlers run concurrently, on the loop, each with a report of its own (B38)")
    func concurrent() async throws {
        try await onLoop { loop in
            let started = EventLog<Bool>()
            let errors = EventLog<Void>()
            let server = try await Server.create(
                on: .portChosenByOS, onHandlerError: .call { _, _ in errors.append(()) }
            ) {
                _, _, _ in
                started.append(loop.isOnLoop)
                await started.wait(forCount: 10)
                throw Failure()
            }
            let clients = try (0..<10).map { _ in try server.newClient(on: loop) }
            await errors.wait(forCount: 10)
            for client in clients { await client.close() }
            await server.close()
            await server.closeFinishedAndHandlersDetermined()
            #expect(errors.all.count == 10)
            #expect(started.all == [Bool](repeating: true, count: 10))
        }
    }

    @Test("what a handler's background work throws after the handler is done is nobody's report (B38)")
    func background() async throws {
        try await onLoop { loop in
            let errors = EventLog<Void>()
            let background = OneShot<Result<Void, any Error>>()
            let mayWrite = OneShot<Void>()
            let server = try await Server.create(
                on: .portChosenByOS, onHandlerError: .call { _, _ in errors.append(()) }
            ) {
                _, _, writer in
                _ = Task(executorPreference: loop) {
                    await mayWrite.value()
                    do { background.fulfil(.success(try await writer.write("late"))) } catch {
                        background.fulfil(.failure(error))
                    }
                }
            }
            let client = try server.newClient(on: loop)
            #expect(try await client.readToEnd() == [])
            mayWrite.fulfil(())
            let result = await background.value()
            #expect(throws: ServerError.self) { () throws in try result.get() }
            await settle(loop)
            #expect(errors.all.isEmpty && !server.isClosed)
            await client.close()
            await server.close()
        }
    }

    @Test("a writer that fails decides, though the handler goes on (B39)")
    func writerDecides() async throws {
        try await withManualClock { loop, clock in
            let errors = EventLog<ServerError.Code?>()
            let mayEnd = OneShot<Void>()
            let wrote = OneShot<Void>()
            let handlerEnded = OneShot<Void>()
            var options = ServerOptions()
            options.bufferAgeLimit = .atMost(.seconds(2))
            let server = try await Server.create(
                on: .portChosenByOS, options: options,
                onHandlerError: .call { errors.append(($1 as? ServerError)?.code) }
            ) { _, _, writer in
                _ = Task(executorPreference: loop) { try? await writer.write([UInt8](repeating: 0, count: 16 << 20)) }
                await settle(loop)
                wrote.fulfil(())
                await mayEnd.value()
                handlerEnded.fulfil(())
                throw Failure()
            }
            let client = try server.newClient(on: loop)
            await wrote.value()
            for _ in 0..<4 { await clock.advance(by: .seconds(1), on: loop) }
            #expect(errors.all == [.bufferTooOld])
            #expect(server.numConnections == 0 && handlerEnded.current == nil)
            mayEnd.fulfil(())
            await handlerEnded.value()
            await settle(loop)
            #expect(errors.all == [.bufferTooOld])
            await client.close()
            await server.close()
        }
    }

    @Test("writing to a peer that has gone sends no signal to the process (B41)")
    func noSignal() async {
        await #expect(processExitsWith: .success) {
            signal(SIGPIPE, SIG_DFL)
            try await onLoop { loop in
                let ended = OneShot<Void>()
                var options = ServerOptions()
                options.onEvent = { if case .connectionEnded = $0 { ended.fulfil(()) } }
                let server = try await Server.create(on: .portChosenByOS, options: options) { _, _, writer in
                    while true { try await writer.write("x") }
                }
                try server.newClient(on: loop).reset()
                await ended.value()
                await server.close()
            }
        }
    }

    @Test("a handler that writes without end to a fast peer does not keep others from being served")
    func endlessWrites() async throws {
        try await onLoop { loop in
            let connections = EventLog<Void>()
            let server = try await Server.create(on: .portChosenByOS) { _, reader, writer in
                connections.append(())
                guard connections.all.count == 1 else {
                    while let bytes = try await reader.read() { try await writer.write(bytes) }
                    return
                }
                let chunk = [UInt8](repeating: 0, count: 1000)
                while true { try await writer.write(chunk) }
            }
            let greedy = try server.newClient(on: loop)
            let number = try #require(greedy.socket.withDescriptor { clinux_duplicate($0, 0) })
            // A thread of its own, so that the greedy handler's socket nearly always has room.
            let drained = OneShot<Void>()
            startThread {
                var buffer = [UInt8](repeating: 0, count: 1 << 20)
                while recv(number, &buffer, buffer.count, 0) > 0 {}
                close(number)
                drained.fulfil(())
            }
            await connections.wait(forCount: 1)
            for _ in 0..<20 {
                let polite = try server.newClient(on: loop)
                try polite.write("ping")
                #expect(try await polite.read(4) == Array("ping".utf8))
                await polite.close()
            }
            await server.close(closeExistingConnections: true)
            await drained.value()
            await greedy.close()
            await server.closeFinishedAndHandlersDetermined()
            #expect(server.handlerFailure == nil)
        }
    }

    @Test("one write of many bytes to a fast peer leaves the loop its turns")
    func oneBigWrite() async throws {
        try await onLoop { loop in
            let size = 64 << 20
            let server = try await Server.create(on: .portChosenByOS) { _, _, writer in
                try await writer.write([UInt8](repeating: 0, count: size))
            }
            let client = try server.newClient(on: loop)
            let number = try #require(client.socket.withDescriptor { clinux_duplicate($0, 0) })
            let drained = OneShot<Int>()
            startThread {
                var total = 0
                var buffer = [UInt8](repeating: 0, count: 1 << 20)
                while true {
                    let count = recv(number, &buffer, buffer.count, 0)
                    guard count > 0 else { break }
                    total += count
                }
                close(number)
                drained.fulfil(total)
            }
            var turns = 0
            while drained.current == nil {
                await Task.yield()
                turns += 1
            }
            #expect(drained.current == size)
            // Its share once among the sources of a turn, and once among the jobs.
            #expect(turns >= size / (2 * ConnectedSocket.bytesPerTurn))
            await client.close()
            await server.close()
        }
    }

    @Test(
        "reads of very much that is there leave the loop its turns",
        .enabled(if: geteuid() == 0, "needs root, for a large buffer"))
    func bigReads() async throws {
        try await onLoop { loop in
            let (socket, client) = makeConnectedPair(on: loop)
            _ = client.socket.withDescriptor { setSocketOption($0, SOL_SOCKET, SO_SNDBUFFORCE, 16 << 20) }
            let size = client.socket.fillSendBuffer()
            try #require(size >= 32 * ConnectedSocket.bytesPerTurn)
            let (turns, isDone) = (EventLog<Void>(), OneShot<Void>())
            loop.pollEachTurn { _ in
                turns.append(())
                return isDone.current == nil
            }
            var rest = size
            while rest > 0 { rest -= try await socket.read()?.count ?? rest }
            isDone.fulfil(())
            #expect(turns.all.count >= size / (2 * ConnectedSocket.bytesPerTurn))
            await client.close()
            await socket.close()
        }
    }

    @Test("the loop is the current one within a handler")
    func currentLoop() async throws {
        try await onLoop { loop in
            let inside = EventLog<Bool>()
            let server = try await Server.createSocket(on: .portChosenByOS) { _, _ in
                inside.append(EventLoop.current === loop)
            }
            for count in 1...2 {
                let client = try server.newClient(on: loop)
                await inside.wait(forCount: count)
                await client.close()
            }
            #expect(inside.all == [true, true])
            await server.close()
        }
    }

    @Test("handlers leave no descriptor behind, however their connection ended")
    func census() async {
        await #expect(processExitsWith: .success) {
            let left = try await leftBehind {
                try await onLoop { loop in
                    let number = EventLog<Void>()
                    let server = try await Server.create(on: .portChosenByOS, onHandlerError: .ignore) {
                        _, reader, writer in
                        number.append(())
                        switch number.all.count % 4 {
                        case 0: return
                        case 1: throw Failure()
                        case 2: await writer.close()
                        default: while try await reader.read() != nil {}
                        }
                    }
                    for count in 1...40 {
                        let client = try server.newClient(on: loop)
                        await number.wait(forCount: count)
                        if count.isMultiple(of: 3) { client.reset() } else { await client.close() }
                    }
                    await server.close()
                    await server.closeFinishedAndHandlersDetermined()
                }
            }
            #expect(left.isEmpty, "\(left)")
        }
    }
}
