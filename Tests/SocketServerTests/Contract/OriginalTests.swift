// SPDX-License-Identifier: Apache-2.0
// The tests that the original has, or that libraries on top of it have, as tests of ours. T18 to T20 are with the age of
// unwritten bytes, T22 with the event loop.

internal import EventLoops
internal import Glibc
internal import Policy
internal import SocketServer
internal import Synchronization
internal import TestSupport
internal import Testing

@Suite("The original's tests", .timeLimit(.minutes(5)))
struct OriginalTests {
    private func tenTimes(_ body: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<10 { group.addTask(operation: body) }
            try await group.waitForAll()
        }
    }

    @Test("everything may be closed many times at once, on both sides (T1)")
    func multiclose() async throws {
        try await onLoop { loop in
            let handled = EventLog<Void>()
            let server = try await Server.create(on: .portChosenByOS, onHandlerError: .raise) { _, reader, writer in
                try await self.tenTimes {
                    reader.close()
                    await writer.close()
                }
                handled.append(())
            }
            try await self.tenTimes {
                let client = try server.newClient(on: loop)
                try await self.tenTimes {
                    client.finishWriting()
                    await client.close()
                }
            }
            await handled.wait(forCount: 10)
            for _ in 0..<10 {
                try await self.tenTimes { await server.close() }
                try await self.tenTimes { await server.close(closeExistingConnections: true) }
            }
            await server.closeFinishedAndHandlersDetermined()
            #expect(server.handlerFailure == nil && server.numConnections == 0)
        }
    }

    @Test("a server that closes its sockets without more ado resets nobody (T4)")
    func noReset() async throws {
        try await onLoop { loop in
            let server = try await Server.createSocket(on: .portChosenByOS) { _, socket in await socket.close() }
            let clients = try (0..<10).map { _ in try server.newClient(on: loop) }
            for client in clients {
                #expect(try await client.readToEnd() == [])
                let error = client.socket.withDescriptor { number in
                    var error: CInt = -1
                    var length = socklen_t(MemoryLayout<CInt>.size)
                    getsockopt(number, SOL_SOCKET, SO_ERROR, &error, &length)
                    return error
                }
                #expect(error == 0, "\(server)")
                await client.close()
            }
            await server.close()
            #expect(server.description.hasSuffix("isClosed: true)"))
        }
    }

    @Test("serve, read, write, close: two lines answered, then the end, and both writers are closed (T6)")
    func serveReadWriteClose() async throws {
        try await onLoop { loop in
            var options = ServerOptions()
            options.bufferAgeLimit = .atMost(.seconds(1))
            let errors = EventLog<any Error>()
            let serverWriter = OneShot<Writer>()
            let server = try await Server.create(
                on: .portChosenByOS, options: options, onHandlerError: .call { errors.append($1) }
            ) { peer, reader, writer in
                serverWriter.fulfil(writer)
                var lines = LineReader(reader)
                for _ in 0..<2 {
                    guard let line = try await lines.next() else { return }
                    try await writer.write("\(peer.ip): \(line)\n")
                }
            }
            let address = SocketAddress.inet(InetAddress(ip: .loopbackV4, port: server.listeningOn))
            let client = try TestClient.connect(to: address, on: loop)
            for word in ["foo", "bar"] {
                try client.write("\(word)\n")
                let answer = Array("127.0.0.1: \(word)\n".utf8)
                #expect(try await client.read(answer.count) == answer)
            }
            #expect(try await client.readToEnd() == [])
            await serverWriter.value().closeFinished()
            await client.close()
            await server.close()
            #expect(errors.all.isEmpty)
        }
    }

    @Test("a file server on top starts, registers a file, serves it and closes (T9)")
    func fileServer() async throws {
        final class FileServer: Sendable {
            private let files = Mutex<[String: [UInt8]]>([:])
            func register(_ name: String, _ contents: [UInt8]) { files.withLock { $0[name] = contents } }
            func contents(of name: String) -> [UInt8]? { files.withLock { $0[name] } }
        }
        try await onLoop { loop in
            let files = FileServer()
            let server = try await Server.create(on: .portChosenByOS) { _, reader, writer in
                var lines = LineReader(reader)
                while let name = try await lines.next() {
                    try await writer.write(files.contents(of: name) ?? Array("no such file".utf8))
                }
            }
            files.register("motd", Array("welcome".utf8))
            let client = try server.newClient(on: loop)
            try client.write("motd\nnothing\n")
            client.finishWriting()
            #expect(try await client.readToEnd() == Array("welcomeno such file".utf8))
            await client.close()
            await server.close()
        }
    }

    @Test("addresses agree on both sides, a request is answered, client and server close (T11)")
    func addresses() async throws {
        try await onLoop { loop in
            let addresses = OneShot<(local: SocketAddress?, peer: SocketAddress)>()
            let listen = WhereToListen.address(InetAddress(ip: .loopbackV4, port: 0))
            let server = try await Server.createSocket(on: listen) { _, socket in
                addresses.fulfil((socket.localAddress, socket.peer))
                let request = try await socket.receive(upTo: 100)
                _ = try socket.sendNow(request[...]).get()
            }
            let client = try TestClient.connect(to: server.listeningOnAddress, on: loop)
            try client.write("request")
            #expect(try await client.readToEnd() == Array("request".utf8))
            let (local, peer) = await addresses.value()
            #expect(local == server.listeningOnAddress)
            #expect(peer != server.listeningOnAddress)
            #expect(client.socket.localAddress == peer)
            #expect(client.socket.peer == server.listeningOnAddress)
            await client.close()
            await server.close()
            await server.closeFinishedAndHandlersDetermined()
        }
    }

    @Test("a handler that returns at once: the client sees the end, the writer is closed, nothing is an error (T12)")
    func returnsAtOnce() async throws {
        try await onLoop { loop in
            let writer = OneShot<Writer>()
            let events = EventLog<String>()
            var options = ServerOptions()
            options.onEvent = { events.append(String("\($0)".prefix { $0 != "(" })) }
            let server = try await Server.create(on: .portChosenByOS, options: options) { _, _, itsWriter in
                writer.fulfil(itsWriter)
            }
            let client = try server.newClient(on: loop)
            #expect(try await client.readToEnd() == [])
            await writer.value().consumerLeft()
            await writer.value().closeFinished()
            await client.close()
            await server.close()
            await server.closeFinishedAndHandlersDetermined()
            #expect(events.all.contains("handlerFailed") == false && server.handlerFailure == nil)
        }
    }

    @Test("a handler that holds its connection until it is told: both ends open, then both closed (T13)")
    func returnsWhenTold() async throws {
        try await onLoop { loop in
            let ends = OneShot<(Reader, Writer)>()
            let mayEnd = OneShot<Void>()
            let server = try await Server.create(on: .abstract(uniqueName())) { _, reader, writer in
                ends.fulfil((reader, writer))
                await mayEnd.value()
            }
            let client = try server.newClient(on: loop)
            let (reader, writer) = await ends.value()
            let writerClosed = OneShot<Void>()
            _ = Task(executorPreference: loop) {
                await writer.closeFinished()
                writerClosed.fulfil(())
            }
            await settle(loop)
            #expect(!reader.isClosed && writerClosed.current == nil && client.pending == .nothing)
            mayEnd.fulfil(())
            await writerClosed.value()
            #expect(try await client.readToEnd() == [])
            #expect(reader.isClosed)
            await client.close()
            await server.close()
            #expect(server.handlerFailure == nil)
        }
    }

    @Test("one megabyte to a reader that takes a chunk and leaves: the consumer has left, and writes say so (T21)")
    func consumerLeft() async throws {
        try await onLoop { loop in
            let left = OneShot<Void>()
            let code = OneShot<ServerError.Code?>()
            let server = try await Server.create(on: .abstract(uniqueName())) { _, _, writer in
                _ = Task(executorPreference: loop) { try? await writer.write([UInt8](repeating: 1, count: 1 << 20)) }
                await writer.consumerLeft()
                left.fulfil(())
                do { try await writer.write("more") } catch { code.fulfil((error as? ServerError)?.code) }
            }
            let client = try server.newClient(on: loop)
            #expect(try await client.read(4096).count == 4096)
            await client.close()
            await left.value()
            #expect(await code.value() == .peerGone)
            await server.close()
            await server.closeFinishedAndHandlersDetermined()
            #expect(server.handlerFailure == nil)
        }
    }
}
