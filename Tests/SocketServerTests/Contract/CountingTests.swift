// SPDX-License-Identifier: Apache-2.0
// What a server counts and says of itself, at which moment, and to whom on which thread.

internal import CLinux
internal import EventLoops
internal import Glibc
internal import Policy
internal import SocketServer
internal import TestSupport
internal import Testing

@Suite("Counting", .timeLimit(.minutes(5)))
struct CountingTests {
    @Test("a connection counts before its handler starts, and until handler and socket are done (B60)")
    func moments() async throws {
        try await onLoop { loop in
            let server = OneShot<Server<UnixAddress, String>>()
            let counts = EventLog<String>()
            let mayEnd = OneShot<Void>()
            var options = ServerOptions()
            let count: @Sendable (String) -> Void = { name in
                counts.append("\(name) \(server.current?.numConnections ?? -1)")
            }
            options.onEvent = { event in
                switch event {
                case .connectionAccepted: count("accepted")
                case .connectionEnded: count("ended")
                default: break
                }
            }
            server.fulfil(
                try await Server.createSocket(on: .abstract(uniqueName()), options: options) { _, socket in
                    count("handler")
                    await mayEnd.value()
                    await socket.close()
                    count("closed")
                })
            let client = try await server.value().newClient(on: loop)
            await counts.wait(forCount: 2)
            mayEnd.fulfil(())
            await counts.wait(forCount: 4)
            #expect(counts.all == ["accepted 1", "handler 1", "closed 1", "ended 0"])
            await client.close()
            await server.value().close()
        }
    }

    @Test(
        "the count is what a model says, through a thousand random openings and closings at a limit (B60)",
        arguments: [1, 3, 10])
    func model(limit: Int) async throws {
        try await onLoop { loop in
            let started = EventLog<Void>()
            let ended = EventLog<Void>()
            var options = ServerOptions()
            options.maxConnections = limit
            options.onEvent = { if case .connectionEnded = $0 { ended.append(()) } }
            let server = try await Server.create(on: .abstract(uniqueName()), options: options) { _, reader, _ in
                started.append(())
                while try await reader.read() != nil {}
            }
            // In the order in which they came: the first `limit` of them are served.
            var open: [TestClient] = []
            var opened = 0
            var closed = 0
            for _ in 0..<1000 {
                if open.isEmpty || (open.count < limit + 3 && Bool.random()) {
                    open.append(try server.newClient(on: loop))
                    opened += 1
                } else {
                    let served = min(open.count, limit)
                    await open.remove(at: Int.random(in: 0..<served)).close()
                    closed += 1
                }
                let served = min(open.count, limit)
                await started.wait(forCount: closed + served)
                await ended.wait(forCount: closed)
                #expect(server.numConnections == served)
                server.checkInvariant()
            }
            #expect(started.all.count == closed + min(open.count, limit))
            await server.close(closeExistingConnections: true)
            await server.closeFinishedAndHandlersDetermined()
            #expect(server.numConnections == 0)
            for client in open { await client.close() }
        }
    }

    @Test("who accepts on the lent listening socket goes past the count (B61)")
    func acceptedOutside() async throws {
        try await onLoop { loop in
            let handled = EventLog<Void>()
            let server = try await Server.createSocket(on: .abstract(uniqueName())) { _, _ in handled.append(()) }
            // The loop has no turn between the two.
            let client = try server.newClient(on: loop)
            let number = try #require(
                server.withListeningSocket { listener in
                    var peer = sockaddr_storage()
                    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
                    return clinux_accept(listener, &peer, &length)
                })
            #expect(number >= 0)
            await settle(loop)
            #expect(server.numConnections == 0 && handled.all.isEmpty)
            close(number)
            #expect(try await client.readToEnd() == [])
            await client.close()
            await server.close()
        }
    }

    @Test("in drop mode connections are closed at once, unhandled and uncounted; those that are there go on (B62)")
    func dropping() async throws {
        try await onLoop { loop in
            let events = EventLog<String>()
            var options = ServerOptions()
            options.onEvent = { events.append(String("\($0)".prefix { $0 != "(" })) }
            let server = try await Server.create(on: .abstract(uniqueName()), options: options) { _, reader, writer in
                while let bytes = try await reader.read() { try await writer.write(bytes) }
            }
            let existing = try server.newClient(on: loop)
            await events.wait(forCount: 1)
            #expect(!server.isDroppingIncomingConnections)
            server.setDropIncomingConnections(true)
            #expect(server.isDroppingIncomingConnections)
            // More than a batch: it does not go deaf after the first one.
            for _ in 0..<(2 * options.maxAcceptsPerBatch + 1) {
                #expect(try await server.answer(on: loop) == [])
            }
            #expect(server.numConnections == 1)
            #expect(events.all.filter { $0 == "connectionRefused" }.count == 2 * options.maxAcceptsPerBatch + 1)
            try existing.write("still")
            #expect(try await existing.read(5) == Array("still".utf8))
            server.setDropIncomingConnections(false)
            let served = try server.newClient(on: loop)
            try served.write("again")
            #expect(try await served.read(5) == Array("again".utf8))
            await existing.close()
            await served.close()
            await server.close()
        }
    }

    @Test("drop mode works at the limit too, and from the beginning (B62, strengthened)")
    func droppingAtLimit() async throws {
        try await onLoop { loop in
            let started = OneShot<Void>()
            let mayEnd = OneShot<Void>()
            var options = ServerOptions()
            options.maxConnections = 1
            options.dropIncomingConnections = true
            let server = try await Server.createSocket(on: .abstract(uniqueName()), options: options) { _, _ in
                started.fulfil(())
                await mayEnd.value()
            }
            let first = try server.newClient(on: loop)
            #expect(try await first.readToEnd() == [])
            server.setDropIncomingConnections(false)
            let served = try server.newClient(on: loop)
            await started.value()
            let waiting = try server.newClient(on: loop)
            await settle(loop)
            #expect(waiting.pending == .nothing)
            server.setDropIncomingConnections(true)
            #expect(try await waiting.readToEnd() == [])
            #expect(server.numConnections == 1)
            mayEnd.fulfil(())
            for client in [first, served, waiting] { await client.close() }
            await server.close()
        }
    }

    @Test("the invariant holds open, at the limit and closed (B63)")
    func invariant() async throws {
        try await onLoop { loop in
            var options = ServerOptions()
            options.maxConnections = 2
            let mayEnd = OneShot<Void>()
            let server = try await Server.createSocket(on: .abstract(uniqueName()), options: options) { _, _ in
                await mayEnd.value()
            }
            server.checkInvariant()
            var clients: [TestClient] = []
            for count in 1...3 {
                clients.append(try server.newClient(on: loop))
                await settle(loop)
                #expect(server.numConnections == min(count, 2))
                server.checkInvariant()
            }
            await server.close(closeExistingConnections: true)
            server.checkInvariant()
            mayEnd.fulfil(())
            await server.closeFinishedAndHandlersDetermined()
            server.checkInvariant()
            for client in clients { await client.close() }
        }
    }

    @Test("create gives the server itself, of the Internet or of Unix, once it listens (B65)")
    func kinds() async throws {
        try await onLoop { loop in
            let inet: Server.Inet = try await Server.createSocket(on: .portChosenByOS) { _, _ in }
            let unix: Server.Unix = try await Server.createSocket(on: .abstract(uniqueName())) { _, _ in }
            for client in try [inet.newClient(on: loop), unix.newClient(on: loop)] {
                #expect(try await client.readToEnd() == [])
                await client.close()
            }
            await inet.close()
            await unix.close()
        }
    }

    @Test("a server describes itself, open and closed, with each policy (B64)")
    func description() async throws {
        try await onLoop { _ in
            let policies: [(OnHandlerError<InetAddress>, String)] = [
                (.raise, "raise"), (.ignore, "ignore"), (.call { _, _ in }, "call"),
            ]
            for (policy, name) in policies {
                var options = ServerOptions()
                options.maxConnections = 7
                let address = InetAddress(ip: .loopbackV4, port: 0)
                let server = try await Server.create(on: .address(address), options: options, onHandlerError: policy) {
                    _, _, _ in
                }
                let begin = "Server(on: 127.0.0.1:\(server.listeningOn), connections: 0/7, onHandlerError: \(name), "
                #expect(server.description == begin + "isClosed: false)")
                await server.close()
                #expect(server.description == begin + "isClosed: true)")
            }
        }
    }

    @Test("properties answer on other threads while connections come and go (B60)")
    func otherThreads() async throws {
        try await onLoop { loop in
            let limit = 5
            var options = ServerOptions()
            options.maxConnections = limit
            let server = try await Server.create(on: .abstract(uniqueName()), options: options) { _, reader, writer in
                while let bytes = try await reader.read() { try await writer.write(bytes) }
            }
            let stop = OneShot<Void>()
            let threads = EventLog<Int>()
            for _ in 0..<3 {
                startThread {
                    var wrong = 0
                    while stop.current == nil {
                        if !(0...limit).contains(server.numConnections) { wrong += 1 }
                        if server.isClosed || server.handlerFailure != nil { wrong += 1 }
                        if server.isDroppingIncomingConnections { wrong += 1 }
                        if !server.description.contains(server.listeningOn) { wrong += 1 }
                        if server.withListeningSocket({ clinux_descriptor_flags($0) }) != FD_CLOEXEC { wrong += 1 }
                        server.checkInvariant()
                    }
                    threads.append(wrong)
                }
            }
            for round in 0..<100 {
                let clients = try (0..<(1 + round % (limit + 2))).map { _ in try server.newClient(on: loop) }
                for client in clients.prefix(limit) {
                    try client.write("x")
                    #expect(try await client.read(1) == Array("x".utf8))
                }
                for client in clients { await client.close() }
            }
            stop.fulfil(())
            await threads.wait(forCount: 3)
            #expect(threads.all == [0, 0, 0])
            await server.close()
            await server.closeFinishedAndHandlersDetermined()
        }
    }

    @Test("counted and dropped connections leave no descriptor behind")
    func census() async {
        await #expect(processExitsWith: .success) {
            let left = try await leftBehind {
                try await onLoop { loop in
                    var options = ServerOptions()
                    options.maxConnections = 2
                    let server = try await Server.createSocket(on: .portChosenByOS, options: options) { _, _ in }
                    for round in 0..<30 {
                        server.setDropIncomingConnections(round.isMultiple(of: 3))
                        let clients = try (0..<4).map { _ in try server.newClient(on: loop) }
                        for client in clients {
                            _ = try await client.readToEnd()
                            await client.close()
                        }
                    }
                    await server.close()
                    await server.closeFinishedAndHandlersDetermined()
                }
            }
            #expect(left.isEmpty, "\(left)")
        }
    }
}
