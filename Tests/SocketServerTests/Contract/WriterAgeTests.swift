// SPDX-License-Identifier: Apache-2.0
// The age limit of what a writer holds: when it fires, when not, and what it says.

internal import EventLoops
internal import Sockets
internal import TestSupport
internal import Testing

@testable internal import SocketServer

@Suite("The age of unwritten bytes", .timeLimit(.minutes(5)))
struct WriterAgeTests {
    // A writer whose peer has not read anything for so long that the system takes no more.
    private struct Stuck: Sendable {
        let ends: WriterTests.Ends
        let failures = EventLog<ServerError>()
        let filled: Int

        init(_ limit: BufferAgeLimit, on loop: EventLoop) {
            ends = WriterTests.Ends(on: loop, ageLimit: limit)
            filled = ends.socket.fillSendBuffer()
            ends.writer.onFailure = { [failures] in failures.append($0) }
        }
    }

    @Test("the limit is two minutes unless another is set (B66)")
    func defaultLimit() {
        #expect(ServerOptions().bufferAgeLimit == .atMost(.seconds(120)))
    }

    @Test("a pipe that nobody reads: the limit of 2 s has fired after 5 s, and closing works (T18)")
    func fires() async throws {
        try await withManualClock { loop, clock in
            let stuck = Stuck(.atMost(.seconds(2)), on: loop)
            let writing = Task(executorPreference: loop) {
                try await stuck.ends.writer.write([UInt8](repeating: 0, count: 256 << 10))
            }
            await settle(loop)
            await clock.advance(by: .seconds(5), on: loop)
            #expect(stuck.failures.all.map(\.code) == [.bufferTooOld])
            await #expect(throws: ServerError.self) { try await writing.value }
            await stuck.ends.writer.close()
            await stuck.ends.close()
        }
    }

    @Test("a peer whose handler is not at fault counts as gone when it lets bytes become too old")
    func stalledPeer() async throws {
        try await withManualClock { loop, clock in
            let stuck = Stuck(.atMost(.seconds(2)), on: loop)
            await stuck.ends.writer.countStalledPeerAsGone()
            try await stuck.ends.writer.write("x")
            await clock.advance(by: .seconds(5), on: loop)
            #expect(stuck.failures.all.map(\.code) == [.peerGone])
            await stuck.ends.close()
        }
    }

    @Test("a limit of 180 s lowered to 1 s fires within 2 s (T19)")
    func lowered() async throws {
        try await withManualClock { loop, clock in
            let stuck = Stuck(.atMost(.seconds(180)), on: loop)
            try await stuck.ends.writer.write("x")
            await clock.advance(by: .milliseconds(500), on: loop)
            await stuck.ends.writer.setBufferAgeLimit(.atMost(.seconds(1)))
            await clock.advance(by: .seconds(2), on: loop)
            #expect(stuck.failures.all.map(\.code) == [.bufferTooOld])
            await stuck.ends.close()
        }
    }

    @Test(
        "a limit of 2 s raised to 180 s does not fire within 5 s (T20)",
        arguments: [BufferAgeLimit.atMost(.seconds(180)), .unlimited])
    func raised(to limit: BufferAgeLimit) async throws {
        try await withManualClock { loop, clock in
            let stuck = Stuck(.atMost(.seconds(2)), on: loop)
            try await stuck.ends.writer.write("x")
            await clock.advance(by: .milliseconds(500), on: loop)
            await stuck.ends.writer.setBufferAgeLimit(limit)
            for _ in 0..<5 { await clock.advance(by: .seconds(1), on: loop) }
            #expect(stuck.failures.all.isEmpty)
            await stuck.ends.close()
        }
    }

    @Test("it fires when the oldest byte is older than the limit, not when it is as old, within a second more (B67)")
    func strictlyOlder() async throws {
        try await withManualClock { loop, clock in
            let stuck = Stuck(.atMost(.seconds(2)), on: loop)
            try await stuck.ends.writer.write("x")
            await clock.advance(by: .seconds(1), on: loop)
            await clock.advance(by: .seconds(1), on: loop)
            #expect(stuck.failures.all.isEmpty)
            await clock.advance(by: .seconds(1), on: loop)
            #expect(stuck.failures.all.count == 1)
            await stuck.ends.close()
        }
    }

    @Test("a slow peer is fine for as long as each byte leaves in time (B67)")
    func slowButMoving() async throws {
        try await withManualClock { loop, clock in
            let stuck = Stuck(.atMost(.seconds(3)), on: loop)
            let writer = stuck.ends.writer
            let hasRoom = OneShot<Void>()
            try await writer.write([UInt8](repeating: 1, count: 50_000))
            var unread = stuck.filled + 50_000
            _ = Task(executorPreference: loop) {
                try await writer.flush()
                hasRoom.fulfil(())
            }
            for round in 0..<20 {
                _ = Task(executorPreference: loop) {
                    try await writer.write([UInt8](repeating: 1, count: stuck.filled))
                }
                await clock.advance(by: .seconds(1), on: loop)
                // What the system holds; the writer fills it again, and keeps some bytes all the time.
                let count = try await stuck.ends.client.read(stuck.filled).count
                unread += stuck.filled - count
                await settle(loop)
                #expect(stuck.failures.all.isEmpty && hasRoom.current == nil, "round \(round)")
            }
            _ = try await stuck.ends.client.read(unread)
            await hasRoom.value()
            await stuck.ends.close()
        }
    }

    @Test("bytes that got out count no more (B67)")
    func gotOut() async throws {
        try await withManualClock { loop, clock in
            let stuck = Stuck(.atMost(.seconds(2)), on: loop)
            for _ in 0..<5 {
                try await stuck.ends.writer.write("x")
                await clock.advance(by: .seconds(2), on: loop)
                _ = try await stuck.ends.client.read(stuck.filled + 1)
                await settle(loop)
                _ = stuck.ends.socket.fillSendBuffer()
                await clock.advance(by: .seconds(2), on: loop)
            }
            #expect(stuck.failures.all.isEmpty)
            await stuck.ends.close()
        }
    }

    @Test("it is told once (B68)")
    func once() async throws {
        try await withManualClock { loop, clock in
            let stuck = Stuck(.atMost(.seconds(2)), on: loop)
            try await stuck.ends.writer.write("x")
            for _ in 0..<10 { await clock.advance(by: .seconds(1), on: loop) }
            #expect(stuck.failures.all.count == 1)
            await stuck.ends.close()
        }
    }

    @Test("the error says the limit and the peer, and none of the bytes (B68, strengthened)")
    func noBytes() async throws {
        try await withManualClock { loop, clock in
            let stuck = Stuck(.atMost(.seconds(2)), on: loop)
            try await stuck.ends.writer.write("secret")
            await clock.advance(by: .seconds(3), on: loop)
            let error = try #require(stuck.failures.all.first)
            #expect(!"\(error)\(String(reflecting: error))".contains("secret"))
            #expect(error.description.contains("2.0 seconds") && error.description.contains("unix"))
            await stuck.ends.close()
        }
    }

    @Test("without a limit bytes may wait for ever (B66)")
    func unlimited() async throws {
        try await withManualClock { loop, clock in
            let stuck = Stuck(.unlimited, on: loop)
            try await stuck.ends.writer.write("x")
            await clock.advance(by: .seconds(365 * 86_400), on: loop)
            #expect(stuck.failures.all.isEmpty)
            await stuck.ends.close()
        }
    }

    @Test("one timer serves writers of different ages and limits (B67)")
    func several() async throws {
        try await withManualClock { loop, clock in
            let ages = BufferAge(on: loop)
            let failed = EventLog<Int>()
            var pairs: [(server: ConnectedSocket, client: TestClient)] = []
            for number in 1...4 {
                let pair = makeConnectedPair(on: loop)
                pairs.append(pair)
                _ = pair.server.fillSendBuffer()
                let writer = Writer(
                    pair.server, ageLimit: .atMost(.seconds(number)), closeDeadline: .zero, ages: ages)
                writer.onFailure = { _ in failed.append(number) }
                try await writer.write("x")
            }
            for number in 1...4 {
                await clock.advance(by: .seconds(1), on: loop)
                #expect(failed.all == Array(1..<number))
            }
            await clock.advance(by: .seconds(1), on: loop)
            #expect(failed.all == [1, 2, 3, 4])
            for pair in pairs {
                await pair.server.close()
                await pair.client.close()
            }
        }
    }

    @Test("createSocket has no such limit (B69)")
    func bareSocket() async throws {
        try await withManualClock { loop, clock in
            var options = ServerOptions()
            options.bufferAgeLimit = .atMost(.seconds(1))
            let filled = OneShot<Int>()
            let mayEnd = OneShot<Void>()
            let server = try await Server.createSocket(on: .abstract(uniqueName()), options: options) { _, socket in
                filled.fulfil(socket.fillSendBuffer())
                await mayEnd.value()
            }
            let client = try server.newClient(on: loop)
            #expect(await filled.value() > 0)
            await clock.advance(by: .seconds(3600), on: loop)
            #expect(server.numConnections == 1)
            mayEnd.fulfil(())
            #expect(try await client.readToEnd().count == filled.current)
            await client.close()
            await server.close()
        }
    }
}
