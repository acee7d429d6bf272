// SPDX-License-Identifier: Apache-2.0
// The life of a handler and its connection: who closes what, when, and in which order.

internal import CLinux
internal import EventLoops
internal import Glibc
internal import SocketServer
internal import TestSupport
internal import Testing

@Suite("A handler's life", .timeLimit(.minutes(5)))
struct HandlerLifeTests {
    struct Failure: Error {}

    static let big = [UInt8](repeating: 7, count: 16 << 20)

    @Test(
        "createSocket closes the socket when the handler returns or throws, and not before (B32)",
        arguments: [false, true])
    func socketClosed(throwing: Bool) async throws {
        try await onLoop { loop in
            let mayEnd = OneShot<Void>()
            let server = try await Server.createSocket(on: .abstract(uniqueName()), onHandlerError: .ignore) { _, _ in
                await mayEnd.value()
                if throwing { throw Failure() }
            }
            let client = try server.newClient(on: loop)
            await settle(loop)
            #expect(client.pending == .nothing)
            mayEnd.fulfil(())
            #expect(try await client.readToEnd() == [])
            await client.close()
            await server.close()
        }
    }

    @Test(
        "what the handler wrote is flushed after it returned or threw, and then the peer sees the end (B33)",
        arguments: [false, true])
    func flushed(throwing: Bool) async throws {
        try await onLoop { loop in
            let server = try await Server.create(on: .portChosenByOS, onHandlerError: .ignore) { _, _, writer in
                _ = Task(executorPreference: loop) { try await writer.write(Self.big) }
                await settle(loop)
                if throwing { throw Failure() }
            }
            let client = try server.newClient(on: loop)
            await settle(loop)
            #expect(server.numConnections == 1)
            let all = try await client.readToEnd()
            #expect(all == Self.big)
            await client.close()
            await server.close()
        }
    }

    @Test(
        "the flush ends at the close deadline, 30 s unless another is set (B33)", arguments: [nil, Duration.seconds(5)])
    func deadline(other: Duration?) async throws {
        try await withManualClock { loop, clock in
            var options = ServerOptions()
            if let other { options.closeDeadline = other }
            let handled = OneShot<Void>()
            let server = try await Server.create(on: .portChosenByOS, options: options) { _, _, writer in
                _ = Task(executorPreference: loop) { try await writer.write(Self.big) }
                await settle(loop)
                handled.fulfil(())
            }
            let client = try server.newClient(on: loop)
            await handled.value()
            await settle(loop)
            await clock.advance(by: (other ?? .seconds(30)) - .milliseconds(1), on: loop)
            #expect(server.numConnections == 1)
            await clock.advance(by: .milliseconds(1), on: loop)
            #expect(server.numConnections == 0)
            #expect(try await client.readToEnd().count < Self.big.count)
            #expect(server.handlerFailure == nil)
            await client.close()
            await server.close()
        }
    }

    @Test("the reader is closed by the time the connection has ended (B33)")
    func order() async throws {
        try await onLoop { loop in
            let ended = OneShot<Void>()
            let ends = OneShot<(Reader, Writer)>()
            var options = ServerOptions()
            options.onEvent = { if case .connectionEnded = $0 { ended.fulfil(()) } }
            let server = try await Server.create(on: .portChosenByOS, options: options) { _, reader, writer in
                ends.fulfil((reader, writer))
            }
            let client = try server.newClient(on: loop)
            await ended.value()
            let (reader, writer) = await ends.value()
            #expect(reader.isClosed)
            await writer.closeFinished()
            await client.close()
            await server.close()
        }
    }

    @Test("the flush ends at once when the peer has gone (B34)")
    func flushOfAGonePeer() async throws {
        try await withManualClock { loop, clock in
            let ended = OneShot<Void>()
            var options = ServerOptions()
            options.onEvent = { if case .connectionEnded = $0 { ended.fulfil(()) } }
            let handled = OneShot<Void>()
            let server = try await Server.create(on: .portChosenByOS, options: options) { _, _, writer in
                _ = Task(executorPreference: loop) { try await writer.write(Self.big) }
                await settle(loop)
                handled.fulfil(())
            }
            let client = try server.newClient(on: loop)
            await handled.value()
            client.reset()
            await ended.value()
            #expect(server.handlerFailure == nil)
            await server.close()
        }
    }

    @Test("the flush ends when what it holds gets older than the buffer age limit (B34)")
    func flushOfOldBytes() async throws {
        try await withManualClock { loop, clock in
            var options = ServerOptions()
            options.bufferAgeLimit = .atMost(.seconds(2))
            let handled = OneShot<Void>()
            let server = try await Server.create(on: .portChosenByOS, options: options) { _, _, writer in
                _ = Task(executorPreference: loop) { try await writer.write(Self.big) }
                await settle(loop)
                handled.fulfil(())
            }
            let client = try server.newClient(on: loop)
            await handled.value()
            for _ in 0..<4 { await clock.advance(by: .seconds(1), on: loop) }
            #expect(server.numConnections == 0)
            await client.close()
            await server.close()
        }
    }

    @Test("a socket closed under a flush does not hold its slot until the deadline (B35, strengthened)")
    func flushOfAClosedSocket() async throws {
        try await withManualClock { loop, clock in
            let handled = OneShot<Void>()
            let server = try await Server.create(on: .portChosenByOS) { _, _, writer in
                _ = Task(executorPreference: loop) { try await writer.write(Self.big) }
                await settle(loop)
                handled.fulfil(())
            }
            let client = try server.newClient(on: loop)
            await handled.value()
            await settle(loop)
            await server.close(closeExistingConnections: true)
            await server.closeFinishedAndHandlersDetermined()
            #expect(server.numConnections == 0 && server.handlerFailure == nil)
            await client.close()
        }
    }

    @Test("closing a connection ends it for every holder of its socket (B36)")
    func shutdownAndClose() async throws {
        try await onLoop { loop in
            let copy = OneShot<OwnedDescriptor?>()
            let server = try await Server.createSocket(on: .abstract(uniqueName())) { _, socket in
                copy.fulfil(socket.duplicate())
            }
            let client = try server.newClient(on: loop)
            let held = try #require(await copy.value())
            #expect(try await client.readToEnd() == [])
            held.close()
            await client.close()
            await server.close()
        }
    }

    @Test("a listening socket is closed without shutdown: another holder's copy goes on listening (B36)")
    func listenerOnlyClosed() async throws {
        try await onLoop { loop in
            let server = try await Server.createSocket(on: .abstract(uniqueName())) { _, _ in }
            let number = try #require(server.withListeningSocket { clinux_duplicate($0, 0) })
            await server.close()
            let client = try server.newClient(on: loop)
            #expect(client.pending == .nothing)
            await client.close()
            close(number)
            try await server.untilClientsAreRefused(on: loop)
        }
    }

    @Test("a handler may close its ends in any order and as often as it likes (B37)", arguments: [false, true])
    func closedByHandler(writerFirst: Bool) async throws {
        try await onLoop { loop in
            let server = try await Server.create(on: .portChosenByOS) { _, reader, writer in
                for _ in 0..<3 {
                    if writerFirst { await writer.close() }
                    reader.close()
                    await writer.close()
                }
            }
            #expect(try await server.answer(on: loop) == [])
            await server.close()
            await server.closeFinishedAndHandlersDetermined()
            #expect(server.handlerFailure == nil)
        }
    }

    @Test("a handler of createSocket may close its socket itself (B37)")
    func socketClosedByHandler() async throws {
        try await onLoop { loop in
            let server = try await Server.createSocket(on: .abstract(uniqueName())) { _, socket in
                await socket.close()
                await socket.close()
            }
            #expect(try await server.answer(on: loop) == [])
            await server.close()
            await server.closeFinishedAndHandlersDetermined()
            #expect(server.handlerFailure == nil)
        }
    }
}
