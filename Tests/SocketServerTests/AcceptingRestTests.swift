// SPDX-License-Identifier: Apache-2.0
// Clients who wait, and whom nobody may accept yet, do not keep the loop busy.

internal import EventLoops
internal import SocketServer
internal import SystemPackage
internal import TestSupport
internal import Testing

@Suite("Accepting: rest", .timeLimit(.minutes(5)))
struct AcceptingRestTests {
    private struct Scene: Sendable {
        let loop: EventLoop
        let clock: ManualClock
        let accept: ScriptedAccept
        let server: Server<InetAddress, UInt16>

        func connect() async throws -> TestClient {
            let client = try server.newClient(on: loop)
            await settle(loop)
            return client
        }
    }

    private func play(maxConnections: Int, _ body: @escaping @Sendable (Scene) async throws -> Void) async throws {
        try await withManualClock { loop, clock in
            let accept = ScriptedAccept()
            var options = ServerOptions()
            options.maxConnections = maxConnections
            options.acceptCall = accept.call
            let server = try await Server.createSocket(on: .portChosenByOS, options: options) {
                try await greetAndStay($1)
            }
            try await body(Scene(loop: loop, clock: clock, accept: accept, server: server))
            await server.close()
            await server.closeFinishedAndHandlersDetermined()
        }
    }

    @Test("one who waits at the limit (B20)")
    func limit() async throws {
        try await play(maxConnections: 1) { scene in
            let first = try await scene.connect()
            #expect(await first.isGreeted())
            let waiting = try await scene.connect()
            #expect(waiting.isWaiting)
            #expect(await comesToRest(scene.loop))
            await first.close()
            #expect(await waiting.isGreeted())
            await waiting.close()
        }
    }

    @Test("one who waits for the end of a pause (B28)")
    func pause() async throws {
        try await play(maxConnections: 2) { scene in
            scene.accept.play([.tooManyOpenFiles])
            let waiting = try await scene.connect()
            #expect(waiting.isWaiting)
            #expect(await comesToRest(scene.loop))
            await scene.clock.advance(by: .milliseconds(100), on: scene.loop)
            #expect(await waiting.isGreeted())
            await waiting.close()
        }
    }

    @Test("one who waits while accepting is held")
    func hold() async throws {
        try await play(maxConnections: 2) { scene in
            scene.server.holdAccepting()
            let waiting = try await scene.connect()
            #expect(waiting.isWaiting)
            #expect(await comesToRest(scene.loop))
            scene.server.releaseAccepting()
            #expect(await waiting.isGreeted())
            await waiting.close()
        }
    }
}
