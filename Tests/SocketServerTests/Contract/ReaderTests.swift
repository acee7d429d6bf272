// SPDX-License-Identifier: Apache-2.0
// The reading end: bytes, the end as a value, cancellation that loses nothing, and closing.

internal import EventLoops
internal import Policy
internal import Sockets
internal import TestSupport
internal import Testing

@testable internal import SocketServer

@Suite("Reader", .timeLimit(.minutes(5)))
struct ReaderTests {
    private struct Ends: Sendable {
        let reader: Reader
        let socket: ConnectedSocket
        let client: TestClient

        init(on loop: EventLoop) {
            (socket, client) = makeConnectedPair(on: loop)
            reader = Reader(socket)
        }

        func close() async {
            await socket.close()
            await client.close()
        }
    }

    @Test("a read gives what is there, at most as much as was asked for", arguments: [3, 4, 5])
    func bytes(sent: Int) async throws {
        try await onLoop { loop in
            let ends = Ends(on: loop)
            try ends.client.write([UInt8](repeating: 9, count: sent))
            #expect(try await ends.reader.read(upTo: 4)?.count == min(sent, 4))
            ends.client.finishWriting()
            #expect(try await ends.reader.read(upTo: 4)?.count == (sent > 4 ? sent - 4 : nil))
            await ends.close()
        }
    }

    @Test("a read waits for bytes")
    func waits() async throws {
        try await onLoop { loop in
            let ends = Ends(on: loop)
            let result = OneShot<[UInt8]?>()
            _ = Task(executorPreference: loop) { result.fulfil(try await ends.reader.read()) }
            await settle(loop)
            #expect(result.current == nil)
            try ends.client.write("now")
            #expect(await result.value() == Array("now".utf8))
            await ends.close()
        }
    }

    @Test("the end of the stream is a value, and stays it")
    func end() async throws {
        try await onLoop { loop in
            let ends = Ends(on: loop)
            try ends.client.write("last")
            ends.client.finishWriting()
            #expect(try await ends.reader.read() == Array("last".utf8))
            for _ in 0..<3 { #expect(try await ends.reader.read() == nil) }
            await ends.close()
        }
    }

    @Test(
        "a reset by the peer reads as the end, whether the read waits already or comes later", arguments: [false, true])
    func reset(waiting: Bool) async throws {
        try await onLoop { loop in
            let mayRead = OneShot<Void>()
            let result = OneShot<Result<[UInt8]?, any Error>>()
            let server = try await Server.create(on: .portChosenByOS) { _, reader, _ in
                if !waiting { await mayRead.value() }
                do { result.fulfil(.success(try await reader.read())) } catch { result.fulfil(.failure(error)) }
            }
            let client = try server.newClient(on: loop)
            await settle(loop)
            client.reset()
            mayRead.fulfil(())
            #expect(try await result.value().get() == nil)
            await server.close()
        }
    }

    @Test("a cancelled read loses nothing, however often")
    func cancelled() async throws {
        try await onLoop { loop in
            let ends = Ends(on: loop)
            for round in 0..<20 {
                let reading = Task(executorPreference: loop) { try await ends.reader.read() }
                for _ in 0..<(round % 4) { await Task.yield() }
                reading.cancel()
                await #expect(throws: CancellationError.self) { try await reading.value }
                try ends.client.write("\(round % 10)")
                #expect(try await ends.reader.read() == Array("\(round % 10)".utf8))
            }
            await ends.close()
        }
    }

    @Test("bytes that come together with the cancellation are read by it or by the next read")
    func cancelledRace() async throws {
        try await onLoop { loop in
            let ends = Ends(on: loop)
            var all: [UInt8] = []
            for round in 0..<100 {
                let reading = Task(executorPreference: loop) { try await ends.reader.read() }
                for _ in 0..<(round % 3) { await Task.yield() }
                try ends.client.write("x")
                for _ in 0..<(round % 5) { await Task.yield() }
                reading.cancel()
                if let bytes = try? await reading.value { all += bytes }
            }
            ends.client.finishWriting()
            while let bytes = try await ends.reader.read() { all += bytes }
            #expect(all == [UInt8](repeating: UInt8(ascii: "x"), count: 100))
            await ends.close()
        }
    }

    @Test("a closed reader reads the end, also when bytes are there, and the writer goes on")
    func closed() async throws {
        try await onLoop { loop in
            let ends = Ends(on: loop)
            try ends.client.write("unread")
            ends.reader.close()
            ends.reader.close()
            #expect(ends.reader.isClosed)
            #expect(try await ends.reader.read() == nil)
            let writer = Writer(ends.socket, ageLimit: .unlimited, closeDeadline: .zero, ages: BufferAge(on: loop))
            try await writer.write("still")
            #expect(try await ends.client.read(5) == Array("still".utf8))
            await ends.close()
        }
    }

    @Test("a read that waits when the reader is closed does not give the bytes that come then")
    func closedMeanwhile() async throws {
        try await onLoop { loop in
            let ends = Ends(on: loop)
            let reading = Task(executorPreference: loop) { try await ends.reader.read() }
            await settle(loop)
            ends.reader.close()
            try ends.client.write("late")
            #expect(try await reading.value == nil)
            await ends.close()
        }
    }

    @Test("a read that waits ends when the socket is closed on this side; later ones too")
    func socketClosed() async throws {
        try await onLoop { loop in
            let ends = Ends(on: loop)
            let reading = Task(executorPreference: loop) { try await ends.reader.read() }
            await settle(loop)
            await ends.socket.close()
            let first = try await reading.value
            let second = try await ends.reader.read()
            #expect(first == nil && second == nil)
            await ends.close()
        }
    }

    @Test("readers leave no descriptor behind, read to the end or not")
    func census() async {
        await #expect(processExitsWith: .success) {
            let left = try await leftBehind {
                try await onLoop { loop in
                    for round in 0..<20 {
                        let ends = Ends(on: loop)
                        let reading = Task(executorPreference: loop) { try await ends.reader.read() }
                        if round.isMultiple(of: 2) { await settle(loop) }
                        switch round % 4 {
                        case 0: try ends.client.write("x")
                        case 1: ends.client.finishWriting()
                        case 2: reading.cancel()
                        default: await ends.socket.close()
                        }
                        _ = await reading.result
                        await ends.close()
                    }
                }
            }
            #expect(left.isEmpty, "\(left)")
        }
    }

    @Test("reading from another thread, while the loop closes the socket, gives the bytes and then the end")
    func otherThreads() async throws {
        try await onLoop { loop in
            for _ in 0..<30 {
                let ends = Ends(on: loop)
                let counts = EventLog<Int>()
                let reading = Task(executorPreference: globalConcurrentExecutor) {
                    while let bytes = try await ends.reader.read(upTo: 3) { counts.append(bytes.count) }
                }
                try ends.client.write("hello")
                await counts.wait { $0.reduce(0, +) == 5 }
                await ends.socket.close()
                try await reading.value
                await ends.close()
            }
        }
    }
}
