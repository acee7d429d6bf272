// SPDX-License-Identifier: Apache-2.0
// Errors of accept: none of them ends the accepting, and those who are served do not notice.

internal import EventLoops
internal import Glibc
internal import SocketServer
internal import Sockets
internal import SystemPackage
internal import TestSupport
internal import Testing

/// A server that echoes, whose accept follows a script, and one client who is served all the time.
private struct Scene: Sendable {
    let clock = ManualClock()
    let accept = ScriptedAccept()
    let events = EventLog<ServerEvent>()

    func play(
        maxConnections: Int = 100,
        _ body: @escaping @Sendable (EventLoop, Server<InetAddress, UInt16>, TestClient) async throws -> Void
    ) async throws {
        try await onLoop(clock: clock) { [self] loop in
            var options = ServerOptions()
            options.maxConnections = maxConnections
            options.acceptCall = accept.call
            options.onEvent = { [events] in events.append($0) }
            let server = try await Server.createSocket(on: .portChosenByOS, options: options) { _, socket in
                _ = socket.sendNow([UInt8(ascii: "+")])
                while case let bytes = try await socket.receive(upTo: 1024), !bytes.isEmpty {
                    _ = socket.sendNow(bytes[...])
                }
            }
            let other = try TestClient.connect(to: server.loopback, on: loop)
            #expect(await other.isGreeted())
            try await body(loop, server, other)
            await other.close()
            await server.close()
            await server.closeFinishedAndHandlersDetermined()
        }
    }

    /// The other one is still served.
    func expectEcho(_ other: TestClient) async throws {
        try other.write("still there?")
        #expect(try await other.read(12) == Array("still there?".utf8))
    }
}

@Suite("Accepting: errors", .timeLimit(.minutes(5)))
struct AcceptingErrorTests {
    @Test(
        "interrupted or with nobody there, accept is silent and is called again (B26)",
        arguments: [Errno.wouldBlock, .interrupted])
    func silent(_ errno: Errno) async throws {
        let scene = Scene()
        try await scene.play { loop, server, other in
            scene.accept.play([errno, errno])
            let client = try TestClient.connect(to: server.loopback, on: loop)
            #expect(await client.isGreeted())
            try await scene.expectEcho(other)
            #expect(scene.events.all.acceptFailures.isEmpty)
            #expect(scene.events.all.pauses.isEmpty)
            await client.close()
        }
    }

    @Test(
        "the error of one client, or of its network, is counted, and the next client is accepted at once (B26–B28)",
        arguments: [
            Errno.connectionAbort, .protocolError, .networkDown, .networkUnreachable, .noRouteToHost, .hostIsDown,
            .protocolNotAvailable, .notSupportedOnSocket, Errno(rawValue: ENONET), .timedOut, .connectionReset,
        ])
    func peerErrors(_ errno: Errno) async throws {
        let scene = Scene()
        try await scene.play { loop, server, other in
            scene.accept.play([errno, errno, errno])
            let before = scene.accept.calls
            let client = try TestClient.connect(to: server.loopback, on: loop)
            #expect(await client.isGreeted())
            #expect(scene.events.all.acceptFailures == [errno, errno, errno].map(\.rawValue))
            #expect(scene.events.all.pauses.isEmpty)
            #expect(scene.accept.calls <= before + 6)
            try await scene.expectEcho(other)
            await client.close()
        }
    }

    @Test(
        "exhaustion, and what nobody knows, makes accepting pause: told, not repeated at once, over after 100 ms (B27, B28)",
        arguments: [
            Errno.tooManyOpenFiles, .tooManyOpenFilesInSystem, .noBufferSpace, .noMemory, .notPermitted,
            .permissionDenied, .badFileDescriptor, .invalidArgument, Errno(rawValue: 4095),
        ])
    func pauses(_ errno: Errno) async throws {
        let scene = Scene()
        try await scene.play { loop, server, other in
            scene.accept.play([errno])
            let before = scene.accept.calls
            let client = try TestClient.connect(to: server.loopback, on: loop)
            await settle(loop)
            await settle(loop)
            let pause = AcceptPause(errno: errno.rawValue, failures: 1, retryAfter: .milliseconds(100))
            #expect(scene.events.all.pauses == [pause])
            #expect(scene.accept.calls == before + 1, "a client who cannot be accepted must not keep the loop busy")
            try await scene.expectEcho(other)
            #expect(!server.isClosed)
            await scene.clock.advance(by: .milliseconds(99), on: loop)
            #expect(scene.accept.calls == before + 1)
            await scene.clock.advance(by: .milliseconds(1), on: loop)
            #expect(await client.isGreeted())
            await client.close()
        }
    }

    @Test("the pause doubles from 100 ms to a second, stays there, and begins anew after a success (B28)")
    func doubling() async throws {
        let scene = Scene()
        try await scene.play { loop, server, other in
            for _ in 0..<2 {
                scene.accept.play(Array(repeating: .tooManyOpenFiles, count: 7))
                var calls = scene.accept.calls + 1
                let client = try TestClient.connect(to: server.loopback, on: loop)
                await settle(loop)
                for pause in [100, 200, 400, 800, 1000, 1000, 1000] {
                    #expect(scene.accept.calls == calls)
                    await scene.clock.advance(by: .milliseconds(pause - 1), on: loop)
                    #expect(scene.accept.calls == calls)
                    await scene.clock.advance(by: .milliseconds(1), on: loop)
                    calls += 1
                }
                #expect(await client.isGreeted())
                try await scene.expectEcho(other)
                await client.close()
                await settle(loop)
            }
        }
    }

    @Test("pauses are told once a minute, with how many there were since (B27)")
    func toldOnceAMinute() async throws {
        let scene = Scene()
        try await scene.play { loop, server, _ in
            scene.accept.play(Array(repeating: .tooManyOpenFiles, count: 65))
            let client = try TestClient.connect(to: server.loopback, on: loop)
            await settle(loop)
            // 100 + 200 + 400 + 800 ms, and then a failure a second.
            for _ in 0..<80 { await scene.clock.advance(by: .seconds(1), on: loop) }
            let first = AcceptPause(errno: EMFILE, failures: 1, retryAfter: .milliseconds(100))
            #expect(scene.events.all.pauses.count == 2)
            #expect(scene.events.all.pauses.first == first)
            let second = try #require(scene.events.all.pauses.last)
            #expect(second.retryAfter == .seconds(1))
            #expect((58...63).contains(second.failures))
            #expect(await client.isGreeted())
            await client.close()
        }
    }

    @Test("accept resumes after EMFILE when a connection closes, before the pause is over (B27, B28)")
    func resumesOnClose() async throws {
        let scene = Scene()
        try await scene.play { loop, server, other in
            scene.accept.play([.tooManyOpenFiles])
            let client = try TestClient.connect(to: server.loopback, on: loop)
            await settle(loop)
            #expect(client.isWaiting)
            await other.close()
            #expect(await client.isGreeted())
            #expect(scene.clock.now == .zero)
            // What was left of the pause does nothing any more.
            let calls = scene.accept.calls
            await scene.clock.advance(by: .seconds(1), on: loop)
            #expect(scene.accept.calls == calls)
            await client.close()
        }
    }

    @Test("an error in mid-batch leaves those who were taken before it served, and the rest follow (B29)")
    func midBatch() async throws {
        let scene = Scene()
        try await scene.play { loop, server, other in
            scene.accept.play([nil, nil, .tooManyOpenFiles])
            let clients = try (0..<5).map { _ in try TestClient.connect(to: server.loopback, on: loop) }
            #expect(await clients[0].isGreeted())
            #expect(await clients[1].isGreeted())
            await settle(loop)
            for client in clients[2...] { #expect(client.isWaiting) }
            #expect(server.numConnections == 3)
            await scene.clock.advance(by: .milliseconds(100), on: loop)
            for client in clients[2...] { #expect(await client.isGreeted()) }
            try await scene.expectEcho(other)
            for client in clients { await client.close() }
        }
    }

    @Test("the slots that an error kept from being used are not lost (B28)")
    func slots() async throws {
        let scene = Scene()
        try await scene.play(maxConnections: 3) { loop, server, _ in
            for errno in [Errno.tooManyOpenFiles, .connectionAbort, .interrupted] {
                scene.accept.play([errno])
                let clients = try (0..<2).map { _ in try TestClient.connect(to: server.loopback, on: loop) }
                await settle(loop)
                await scene.clock.advance(by: .seconds(1), on: loop)
                for client in clients { #expect(await client.isGreeted()) }
                #expect(server.numConnections == 3)
                for client in clients { await client.close() }
                await settle(loop)
                #expect(server.numConnections == 1)
            }
        }
    }

    @Test("an error while a slot was promised does not lose the slot, nor the client who waits for it (B28)")
    func promisedSlot() async throws {
        let scene = Scene()
        try await scene.play(maxConnections: 1) { loop, server, other in
            let client = try TestClient.connect(to: server.loopback, on: loop)
            await settle(loop)
            scene.accept.play([.tooManyOpenFiles])
            await other.close()
            await settle(loop)
            #expect(server.numConnections == 0)
            await scene.clock.advance(by: .milliseconds(100), on: loop)
            #expect(await client.isGreeted())
            #expect(server.numConnections == 1)
            await client.close()
        }
    }

    @Test("a listener that was shut down from outside neither ends the server nor keeps it busy (B31)")
    func listenerShutDown() async throws {
        let scene = Scene()
        try await scene.play { loop, server, other in
            server.withListeningSocket { _ = shutdown($0, CInt(SHUT_RDWR)) }
            await settle(loop)
            let calls = scene.accept.calls
            await settle(loop)
            #expect(scene.accept.calls == calls)
            #expect(scene.events.all.pauses.map(\.errno) == [EINVAL])
            #expect(!server.isClosed)
            try await scene.expectEcho(other)
        }
    }

    @Test("a listener that the system does not let us wait for makes accepting pause in the same way (B28)")
    func nothingToWaitFor() async throws {
        let scene = Scene()
        try await scene.play { loop, server, _ in
            server.holdAccepting()
            // epoll_ctl(2) takes no descriptor twice, as it takes none beyond its limit.
            let occupant = server.withListeningSocket { DescriptorWatch($0, on: loop) { _ in } }
            occupant?.change(to: .write)
            server.releaseAccepting()
            #expect(scene.events.all.pauses.map(\.errno) == [EEXIST])
            let client = try TestClient.connect(to: server.loopback, on: loop)
            await settle(loop)
            #expect(client.isWaiting)
            occupant?.cancel()
            await scene.clock.advance(by: .milliseconds(100), on: loop)
            #expect(await client.isGreeted())
            let next = try TestClient.connect(to: server.loopback, on: loop)
            #expect(await next.isGreeted())
            for client in [client, next] { await client.close() }
        }
    }

    @Test("when descriptors run out for real, the server pauses, and serves who waited once there are some (B27, B30)")
    func realExhaustion() async {
        await #expect(processExitsWith: .success) {
            let scene = Scene()
            try await scene.play { loop, server, other in
                let client = try TestClient.connect(to: server.loopback, on: loop)
                var limit = rlimit()
                getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
                let full = limit.rlim_cur
                limit.rlim_cur = 3
                #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
                await settle(loop)
                #expect(scene.events.all.pauses.map(\.errno) == [EMFILE])
                try await scene.expectEcho(other)
                #expect(client.isWaiting)
                limit.rlim_cur = full
                #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
                await scene.clock.advance(by: .milliseconds(100), on: loop)
                #expect(await client.isGreeted())
                await client.close()
            }
        }
    }
}
