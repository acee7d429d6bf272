// SPDX-License-Identifier: Apache-2.0
// Closing without losing a client who has connected: what finishAccepting serves, and when it returns.

internal import Descriptors
internal import Glibc
internal import Policy
internal import SocketServer
internal import Sockets
internal import SystemPackage
internal import TestSupport
internal import Testing

/// A server of any address, as these tests need it.
typealias AnyServer = Server<SocketAddress, SocketAddress>

/// Over what a client connects.
enum Transport: String, CaseIterable, Codable, Sendable {
    case ipv4, ipv6, unix

    func address(in folder: TemporaryFolder) -> SocketAddress {
        switch self {
        case .ipv4: .inet(InetAddress(ip: .loopbackV4, port: 0))
        case .ipv6: .inet(InetAddress(ip: .loopbackV6, port: 0))
        case .unix: .unix(.path(folder.file("socket")))
        }
    }
}

/// Creates a server over `transport`, whose handler is ``greetAndStay(_:)`` unless another one is given.
func makeServer(
    _ transport: Transport, in folder: TemporaryFolder, options: ServerOptions = ServerOptions(),
    handler: @escaping @Sendable (ConnectedSocket) async throws -> Void = greetAndStay
) async throws -> AnyServer {
    let place = WhereToListen.bind(.address(transport.address(in: folder)), file: SocketFileOptions())
    return try await AnyServer.createSocket(on: place, options: options, onHandlerError: .ignore) {
        try await handler($1)
    }
}

@Suite("Finishing", .timeLimit(.minutes(5)))
struct FinishingTests {
    @Test(
        "a plain close loses those who are in the queue: the control for the next test (B58)",
        arguments: Transport.allCases)
    func closeLoses(_ transport: Transport) async throws {
        try await onLoop { loop in
            let folder = TemporaryFolder()
            let server = try await makeServer(transport, in: folder)
            // All of it before the loop has a turn: nobody is accepted yet.
            let clients = try (0..<20).map { _ in try TestClient.connect(to: server.listeningOnAddress, on: loop) }
            await server.close()
            for client in clients { #expect(await !client.isGreeted()) }
            for client in clients { await client.close() }
        }
    }

    @Test(
        "finishAccepting serves those who are in the queue, more than a batch of them, then closes (B58)",
        arguments: Transport.allCases)
    func serves(_ transport: Transport) async throws {
        try await onLoop { loop in
            let folder = TemporaryFolder()
            let server = try await makeServer(transport, in: folder)
            let clients = try (0..<20).map { _ in try TestClient.connect(to: server.listeningOnAddress, on: loop) }
            await server.finishAccepting()
            #expect(server.isClosed)
            #expect(server.numConnections == 20)
            for client in clients { #expect(await client.isGreeted()) }
            #expect(throws: Errno.self) { try TestClient.connect(to: server.listeningOnAddress, on: loop) }
            #expect(folder.status(of: "socket") == nil)
            for client in clients { await client.close() }
            await server.closeFinishedAndHandlersDetermined()
        }
    }

    @Test(
        "those in the queue are served within the limit: finishAccepting waits for their slots",
        arguments: Transport.allCases)
    func withinLimit(_ transport: Transport) async throws {
        try await onLoop { loop in
            let folder = TemporaryFolder()
            var options = ServerOptions()
            options.maxConnections = 2
            let server = try await makeServer(transport, in: folder, options: options)
            let clients = try (0..<5).map { _ in try TestClient.connect(to: server.listeningOnAddress, on: loop) }
            let finishing = Task(executorPreference: loop) { await server.finishAccepting() }
            for client in clients {
                #expect(await client.isGreeted())
                #expect(server.numConnections <= 2)
                // The last two stay: they hold the slots, and nobody waits for one.
                if client !== clients[3], client !== clients[4] { await client.close() }
            }
            await finishing.value
            #expect(server.numConnections == 2)
            for client in clients { await client.close() }
            await server.closeFinishedAndHandlersDetermined()
        }
    }

    @Test("at the limit with an empty queue finishAccepting does not wait for a slot", arguments: Transport.allCases)
    func atLimitWithEmptyQueue(_ transport: Transport) async throws {
        try await onLoop { loop in
            let folder = TemporaryFolder()
            var options = ServerOptions()
            options.maxConnections = 1
            let server = try await makeServer(transport, in: folder, options: options)
            let client = try TestClient.connect(to: server.listeningOnAddress, on: loop)
            #expect(await client.isGreeted())
            await server.finishAccepting()
            #expect(server.numConnections == 1)
            #expect(client.isWaiting)
            await client.close()
            await server.closeFinishedAndHandlersDetermined()
        }
    }

    @Test("nobody new gets in meanwhile")
    func refuses() async throws {
        try await onLoop { loop in
            let folder = TemporaryFolder()
            var options = ServerOptions()
            options.maxConnections = 1
            let server = try await makeServer(.unix, in: folder, options: options)
            let clients = try (0..<2).map { _ in try TestClient.connect(to: server.listeningOnAddress, on: loop) }
            #expect(await clients[0].isGreeted())
            let finishing = Task(executorPreference: loop) { await server.finishAccepting() }
            await settle(loop)
            #expect(!server.isClosed)
            #expect(throws: Errno.connectionRefused) {
                try TestClient.connect(to: server.listeningOnAddress, on: loop)
            }
            await clients[0].close()
            #expect(await clients[1].isGreeted())
            await finishing.value
            await clients[1].close()
        }
    }

    @Test("a client whose handshake is never complete holds finishAccepting up for a second, and no longer")
    func halfOpen() async throws {
        try await withManualClock { loop, clock in
            let server = try await makeServer(.ipv4, in: TemporaryFolder())
            // Until it has sent something the client counts as one on its way.
            server.withListeningSocket { setSocketOption($0, CInt(IPPROTO_TCP), TCP_DEFER_ACCEPT, 60) }
            let client = try server.newClient(on: loop)
            let finished = OneShot<Void>()
            _ = Task(executorPreference: loop) {
                await server.finishAccepting()
                finished.fulfil(())
            }
            await settle(loop)
            await clock.advance(by: .milliseconds(990), on: loop)
            await clock.advance(by: .milliseconds(5), on: loop)
            #expect(finished.current == nil)
            await clock.advance(by: .milliseconds(5), on: loop)
            #expect(finished.current != nil && server.isClosed)
            await client.close()
            await server.close()
        }
    }

    @Test("a close meanwhile ends the waiting, and loses who still waits", arguments: Transport.allCases)
    func closeMeanwhile(_ transport: Transport) async throws {
        try await onLoop { loop in
            let folder = TemporaryFolder()
            var options = ServerOptions()
            options.maxConnections = 1
            let server = try await makeServer(transport, in: folder, options: options)
            let clients = try (0..<2).map { _ in try TestClient.connect(to: server.listeningOnAddress, on: loop) }
            #expect(await clients[0].isGreeted())
            let finishing = Task(executorPreference: loop) { await server.finishAccepting() }
            await settle(loop)
            #expect(!server.isClosed)
            await server.close()
            await finishing.value
            #expect(await !clients[1].isGreeted())
            #expect(clients[0].isWaiting)
            for client in clients { await client.close() }
            await server.closeFinishedAndHandlersDetermined()
        }
    }

    @Test("repeated and concurrent calls return together, and after close at once", arguments: Transport.allCases)
    func repeated(_ transport: Transport) async throws {
        try await onLoop { loop in
            let folder = TemporaryFolder()
            let server = try await makeServer(transport, in: folder)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<5 { group.addTask { await server.finishAccepting() } }
            }
            #expect(server.isClosed)
            await server.finishAccepting()
            await server.close()
        }
    }

    @Test("an error of accept meanwhile pauses as ever, and loses nobody", arguments: Transport.allCases)
    func errors(_ transport: Transport) async throws {
        try await onLoop { loop in
            let folder = TemporaryFolder()
            let accept = ScriptedAccept()
            var options = ServerOptions()
            options.acceptCall = accept.call
            let server = try await makeServer(transport, in: folder, options: options)
            await settle(loop)
            accept.play([nil, .connectionAbort, .tooManyOpenFiles, .interrupted, nil, .tooManyOpenFiles])
            let clients = try (0..<5).map { _ in try TestClient.connect(to: server.listeningOnAddress, on: loop) }
            await server.finishAccepting()
            #expect(server.numConnections == 5)
            for client in clients { #expect(await client.isGreeted()) }
            for client in clients { await client.close() }
        }
    }

    @Test("who is in the queue of a dropping server is dropped, then it closes", arguments: Transport.allCases)
    func dropping(_ transport: Transport) async throws {
        try await onLoop { loop in
            let folder = TemporaryFolder()
            var options = ServerOptions()
            options.dropIncomingConnections = true
            let server = try await makeServer(transport, in: folder, options: options)
            let clients = try (0..<20).map { _ in try TestClient.connect(to: server.listeningOnAddress, on: loop) }
            await server.finishAccepting()
            for client in clients { #expect(try await client.readToEnd().isEmpty) }
            for client in clients { await client.close() }
        }
    }
}

@Suite("Finishing: inherited", .timeLimit(.minutes(5)))
struct FinishingInheritedTests {
    @Test("an adopted listener gets no barrier: its next owner goes on with it", arguments: Transport.allCases)
    func nextOwner(_ transport: Transport) async throws {
        try await onLoop { loop in
            let folder = TemporaryFolder()
            let listener = try makeRawSocket(transport.address(in: folder), backlog: 32)
            let first = try await AnyServer.createSocket(
                on: .inherited(Descriptor(adopting: listener.duplicate())), onHandlerError: .ignore
            ) { try await greetAndStay($1) }
            let address = first.listeningOnAddress
            let queued = try (0..<20).map { _ in try TestClient.connect(to: address, on: loop) }
            await first.finishAccepting()
            #expect(first.numConnections == 20)
            for client in queued { #expect(await client.isGreeted()) }
            // Nobody serves now, and yet this one is not lost.
            let between = try TestClient.connect(to: address, on: loop)
            let second = try await AnyServer.createSocket(
                on: .inherited(Descriptor(adopting: listener.duplicate())), onHandlerError: .ignore
            ) { try await greetAndStay($1) }
            #expect(await between.isGreeted())
            for client in queued + [between] { await client.close() }
            await second.finishAccepting()
            listener.close()
        }
    }
}
