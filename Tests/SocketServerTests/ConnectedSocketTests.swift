// SPDX-License-Identifier: Apache-2.0
// Reading from and writing to the socket that `createSocket` gives to its handler.

internal import EventLoops
internal import Glibc
internal import Policy
internal import SocketServer
internal import Sockets
internal import TestSupport
internal import Testing

@Suite("A connection's socket", .timeLimit(.minutes(5)))
struct ConnectedSocketTests {
    /// Runs `body` with the two ends of a connection, and closes them.
    private func withPair(
        _ body: @escaping @Sendable (EventLoop, ConnectedSocket, TestClient) async throws -> Void
    ) async throws {
        try await onLoop { loop in
            let (socket, client) = makeConnectedPair(on: loop)
            try await body(loop, socket, client)
            await socket.close()
            await client.close()
        }
    }

    /// The code of the error that `body` throws; `nil` when it throws none.
    private func code(_ body: () async throws -> Void) async -> ServerError.Code? {
        do { try await body() } catch let error as ServerError { return error.code } catch {
            Issue.record("no ServerError: \(error)")
        }
        return nil
    }

    @Test("a handler of createSocket serves with nothing but read and write")
    func echo() async throws {
        try await onLoop { loop in
            let server = try await Server.createSocket(on: .portChosenByOS) { _, socket in
                try await socket.write("hello\n")
                while let bytes = try await socket.read() { try await socket.write(bytes) }
            }
            let client = try server.newClient(on: loop)
            #expect(try await client.read(6) == Array("hello\n".utf8))
            try client.write("echo")
            client.finishWriting()
            #expect(try await client.readToEnd() == Array("echo".utf8))
            await client.close()
            await server.close()
        }
    }

    @Test("a read gives what is there, at most as much as was asked for, and then the end", arguments: [3, 4, 5])
    func bytes(sent: Int) async throws {
        try await withPair { _, socket, client in
            try client.write([UInt8](repeating: 9, count: sent))
            #expect(try await socket.read(upTo: 4)?.count == min(sent, 4))
            client.finishWriting()
            #expect(try await socket.read(upTo: 4)?.count == (sent > 4 ? sent - 4 : nil))
            for _ in 0..<3 { #expect(try await socket.read(upTo: 4) == nil) }
        }
    }

    @Test("a connection that is closed on this side reads as the end, and takes no bytes")
    func closed() async throws {
        try await withPair { loop, socket, _ async throws in
            let waiting = Task(executorPreference: loop) { try await socket.read() }
            await settle(loop)
            await socket.close()
            #expect(try await waiting.value == nil)
            #expect(try await socket.read() == nil)
            #expect(await code { try await socket.write("x") } == .closed)
        }
    }

    @Test("a peer that has gone reads as the end, and takes no bytes")
    func gone() async throws {
        try await withPair { _, socket, client async throws in
            await client.close()
            #expect(try await socket.read() == nil)
            #expect(await code { try await socket.write("x") } == .peerGone)
        }
    }

    @Test("a cancelled read loses nothing")
    func cancelledRead() async throws {
        try await withPair { loop, socket, client in
            let reading = Task(executorPreference: loop) { try await socket.read() }
            await settle(loop)
            reading.cancel()
            await #expect(throws: CancellationError.self) { try await reading.value }
            try client.write("x")
            #expect(try await socket.read() == [UInt8(ascii: "x")])
        }
    }

    @Test("a write returns when the system has taken all of it, and waits while the peer does not read")
    func backPressure() async throws {
        try await withPair { loop, socket, client in
            let bytes = (0..<4_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let written = OneShot<Void>()
            let writing = Task(executorPreference: loop) {
                try await socket.write(bytes)
                written.fulfil(())
            }
            await settle(loop)
            #expect(written.current == nil)
            #expect(try await client.read(bytes.count) == bytes)
            try await writing.value
        }
    }

    @Test("a write that waits ends when the peer goes, when the socket is closed, and when its task is cancelled")
    func waitingWriteEnds() async throws {
        try await withPair { loop, socket, client in
            _ = socket.fillSendBuffer()
            let writing = Task(executorPreference: loop) { try await socket.write("x") }
            await settle(loop)
            writing.cancel()
            await #expect(throws: CancellationError.self) { try await writing.value }
            let abandoned = Task(executorPreference: loop) { try await socket.write("x") }
            await settle(loop)
            await client.close()
            #expect(await code { try await abandoned.value } == .peerGone)
        }
        try await withPair { loop, socket, _ in
            _ = socket.fillSendBuffer()
            let writing = Task(executorPreference: loop) { try await socket.write("x") }
            await settle(loop)
            await socket.close()
            #expect(await code { try await writing.value } == .closed)
        }
    }

    @Test("all groups of a peer are known, however many", .enabled(if: geteuid() == 0, "needs root"))
    func peerGroups() async {
        // Alone in a process, whose groups it changes.
        await #expect(processExitsWith: .success) {
            for count in [0, 64, 65, 200] {
                let groups = (0..<count).map { gid_t(1000 + $0) }
                #expect(setgroups(groups.count, groups) == 0)
                try await onLoop { loop in
                    let (socket, client) = makeConnectedPair(on: loop)
                    #expect(socket.peerGroups == groups)
                    await client.close()
                    await socket.close()
                    #expect(socket.peerGroups == [])
                }
            }
        }
    }

    @Test("a write of more than a turn's bytes goes on in the next one, also while the system takes all of it")
    func longerThanATurn() async throws {
        try await withPair { loop, socket, client in
            // The most that the system allows: as a rule more than a connection may write in one turn.
            await loop.perform {
                _ = socket.withDescriptor { setSocketOption($0, SOL_SOCKET, SO_SNDBUF, 1 << 20) }
            }
            let bytes = [UInt8](repeating: 1, count: 300_000)
            let writing = Task(executorPreference: loop) { try await socket.write(bytes) }
            // Nobody reads before it has had many turns.
            for _ in 0..<10 { await loop.yieldTurn() }
            #expect(try await client.read(bytes.count) == bytes)
            try await writing.value
        }
    }

    @Test("a big write lets others have their turn")
    func fairness() async throws {
        try await withPair { loop, socket, client in
            let reading = Task(executorPreference: loop) { try await client.read(32 << 20).count }
            let writing = Task(executorPreference: loop) {
                try await socket.write([UInt8](repeating: 1, count: 32 << 20))
            }
            let (other, peer) = makeConnectedPair(on: loop)
            for _ in 0..<20 {
                try peer.write("x")
                #expect(try await other.read() == [UInt8(ascii: "x")])
            }
            #expect(try await reading.value == 32 << 20)
            try await writing.value
            await other.close()
            await peer.close()
        }
    }

    @Test(
        "reading, writing and the peer's credentials are for every task, on any thread, and the latter outlive a close")
    func anywhere() async throws {
        try await withPair { _, socket, client in
            try client.write("x")
            let read = Task(executorPreference: globalConcurrentExecutor) {
                let bytes = try await socket.read()
                try await socket.write("y")
                return (bytes, socket.peerCredentials?.pid)
            }
            let (bytes, pid) = try await read.value
            #expect(bytes == [UInt8(ascii: "x")] && pid == getpid())
            #expect(try await client.read(1) == [UInt8(ascii: "y")])
            await socket.close()
            #expect(socket.peerCredentials?.uid == geteuid())
        }
    }
}
