// SPDX-License-Identifier: Apache-2.0
// The writing end: what it keeps, when it waits, how it closes, and what it says when the peer has gone.

internal import EventLoops
internal import Sockets
internal import TestSupport
internal import Testing

@testable internal import SocketServer

@Suite("Writer", .timeLimit(.minutes(5)))
struct WriterTests {
    struct Ends: Sendable {
        let writer: Writer
        let socket: ConnectedSocket
        let client: TestClient

        init(on loop: EventLoop, ageLimit: BufferAgeLimit = .unlimited, closeDeadline: Duration = .seconds(30)) {
            (socket, client) = makeConnectedPair(on: loop)
            writer = Writer(socket, ageLimit: ageLimit, closeDeadline: closeDeadline, ages: BufferAge(on: loop))
        }

        func close() async {
            await socket.close()
            await client.close()
        }
    }

    private func code(of work: () async throws -> Void) async -> ServerError.Code? {
        do { try await work() } catch { return (error as? ServerError)?.code }
        return nil
    }

    @Test("bytes go out at once, in order, without a flush")
    func atOnce() async throws {
        try await onLoop { loop in
            let ends = Ends(on: loop)
            for number in 0..<100 { try await ends.writer.write("\(number),") }
            try await ends.writer.flush()
            let expected = Array((0..<100).map { "\($0)," }.joined().utf8)
            #expect(try await ends.client.read(expected.count) == expected)
            await ends.close()
        }
    }

    @Test("a write waits when more than the high water waits for the peer, not before", arguments: [-1, 0, 1])
    func backPressure(beyond: Int) async throws {
        try await onLoop { loop in
            let ends = Ends(on: loop)
            let filled = ends.socket.fillSendBuffer()
            let size = Writer.highWater + beyond
            let returned = OneShot<Void>()
            let writing = Task(executorPreference: loop) {
                try await ends.writer.write([UInt8](repeating: 1, count: size))
                returned.fulfil(())
            }
            await settle(loop)
            #expect((returned.current != nil) == (beyond <= 0))
            let bytes = try await ends.client.read(filled + size)
            #expect(bytes.count == filled + size && bytes.last == 1)
            try await writing.value
            await ends.close()
        }
    }

    @Test("a write that is cancelled while it waits for room is sent all the same")
    func cancelled() async throws {
        try await onLoop { loop in
            let ends = Ends(on: loop)
            let filled = ends.socket.fillSendBuffer()
            let size = Writer.highWater + 1
            let writing = Task(executorPreference: loop) {
                try await ends.writer.write([UInt8](repeating: 1, count: size))
            }
            await settle(loop)
            writing.cancel()
            await #expect(throws: CancellationError.self) { try await writing.value }
            let arrived = try await ends.client.read(filled + size)
            #expect(arrived.count == filled + size)
            await ends.close()
        }
    }

    @Test("flush returns when the system has taken all bytes, not before")
    func flush() async throws {
        try await onLoop { loop in
            let ends = Ends(on: loop)
            try await ends.writer.flush()
            let filled = ends.socket.fillSendBuffer()
            try await ends.writer.write("x")
            let flushed = OneShot<Void>()
            let flushing = Task(executorPreference: loop) {
                try await ends.writer.flush()
                flushed.fulfil(())
            }
            await settle(loop)
            #expect(flushed.current == nil)
            _ = try await ends.client.read(filled)
            try await flushing.value
            #expect(try await ends.client.read(1) == Array("x".utf8))
            await ends.close()
        }
    }

    @Test("close sends what waits, then the peer sees the end, while the other direction goes on")
    func halfClose() async throws {
        try await onLoop { loop in
            let ends = Ends(on: loop)
            let filled = ends.socket.fillSendBuffer()
            try await ends.writer.write("last")
            let closing = Task(executorPreference: loop) { await ends.writer.close() }
            #expect(try await ends.client.readToEnd().count == filled + 4)
            await closing.value
            await ends.writer.closeFinished()
            await ends.writer.close()
            try ends.client.write("answer")
            #expect(try await Reader(ends.socket).read() == Array("answer".utf8))
            #expect(await code { try await ends.writer.write("more") } == .closed)
            await ends.close()
        }
    }

    @Test("close gives up at its deadline, and whoever waits for the bytes is told")
    func deadline() async throws {
        try await withManualClock { loop, clock in
            let ends = Ends(on: loop)
            let filled = ends.socket.fillSendBuffer()
            try await ends.writer.write("never")
            let closed = OneShot<Void>()
            _ = Task(executorPreference: loop) {
                await ends.writer.close()
                closed.fulfil(())
            }
            let flushing = Task(executorPreference: loop) { try await ends.writer.flush() }
            await settle(loop)
            await clock.advance(by: .seconds(30) - .nanoseconds(1), on: loop)
            #expect(closed.current == nil)
            await clock.advance(by: .nanoseconds(1), on: loop)
            #expect(closed.current != nil)
            #expect(await code { try await flushing.value } == .closed)
            #expect(try await ends.client.readToEnd().count == filled)
            await ends.close()
        }
    }

    @Test("a deadline of nothing gives up at once")
    func noDeadline() async throws {
        try await withManualClock { loop, clock in
            let ends = Ends(on: loop, closeDeadline: .zero)
            _ = ends.socket.fillSendBuffer()
            try await ends.writer.write("never")
            let closing = Task(executorPreference: loop) { await ends.writer.close() }
            await settle(loop)
            await clock.advance(by: .zero, on: loop)
            await closing.value
            await ends.close()
        }
    }

    @Test("a peer that has gone: waits end, writes say so, and go on saying so")
    func peerGone() async throws {
        try await onLoop { loop in
            let ends = Ends(on: loop)
            _ = ends.socket.fillSendBuffer()
            try await ends.writer.write("lost")
            let flushing = Task(executorPreference: loop) { try await ends.writer.flush() }
            let left = Task(executorPreference: loop) { await ends.writer.consumerLeft() }
            await settle(loop)
            await ends.client.close()
            #expect(await code { try await flushing.value } == .peerGone)
            await left.value
            for _ in 0..<2 { #expect(await code { try await ends.writer.write("x") } == .peerGone) }
            await ends.writer.close()
            await ends.close()
        }
    }

    @Test("a socket that is closed on this side: waits end, writes say closed")
    func closedHere() async throws {
        try await onLoop { loop in
            let ends = Ends(on: loop)
            _ = ends.socket.fillSendBuffer()
            try await ends.writer.write("lost")
            let flushing = Task(executorPreference: loop) { try await ends.writer.flush() }
            await settle(loop)
            await ends.socket.close()
            #expect(await code { try await flushing.value } == .closed)
            #expect(await code { try await ends.writer.write("x") } == .closed)
            await ends.writer.close()
            await ends.close()
        }
    }

    @Test("writes from other threads all arrive, none torn")
    func otherThreads() async throws {
        try await onLoop { loop in
            let ends = Ends(on: loop)
            let line = String(repeating: "abcdefghi", count: 500) + "\n"
            let writing = Task {
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<8 {
                        group.addTask(executorPreference: globalConcurrentExecutor) {
                            for _ in 0..<20 { try? await ends.writer.write(line) }
                        }
                    }
                }
                await ends.writer.close()
            }
            let all = try await ends.client.readToEnd()
            await writing.value
            #expect(all == Array(String(repeating: line, count: 160).utf8))
            await ends.close()
        }
    }

    @Test("writers leave no descriptor behind, flushed or not")
    func census() async {
        await #expect(processExitsWith: .success) {
            let left = try await leftBehind {
                try await onLoop { loop in
                    for round in 0..<20 {
                        let ends = WriterTests.Ends(on: loop, closeDeadline: .milliseconds(1))
                        if round.isMultiple(of: 2) { _ = ends.socket.fillSendBuffer() }
                        try await ends.writer.write("x")
                        if round.isMultiple(of: 3) { await ends.writer.close() }
                        await ends.close()
                    }
                }
            }
            #expect(left.isEmpty, "\(left)")
        }
    }
}
