// SPDX-License-Identifier: Apache-2.0
// Closing under a storm of clients: with the barrier nobody is lost, without it somebody is.

internal import SocketServer
internal import Sockets
internal import TestSupport
internal import Testing

@Suite("Finishing: under load", .serialized, .timeLimit(.minutes(2)))
struct FinishingLoadTests {
    private static let threads = 16

    /// Opens a server, lets clients storm it, ends it by `end` when some have been answered, and counts.
    private static func round(
        _ transport: Transport, options: ServerOptions = ServerOptions(),
        _ end: @escaping @Sendable (AnyServer) async -> Void
    ) async throws -> LoadClients.Tally {
        try await onLoop { _ in
            let folder = TemporaryFolder()
            let server = try await makeServer(transport, in: folder, options: options) { socket in
                _ = socket.sendNow(try await socket.receive(upTo: 1)[...])
            }
            let clients = LoadClients(threads, against: server.listeningOnAddress)
            await clients.wait(forAnswers: 100)
            await end(server)
            let tally = await clients.tally()
            await server.closeFinishedAndHandlersDetermined()
            return tally
        }
    }

    @Test("finishAccepting under load loses no client (B58)", arguments: Transport.allCases)
    func loseNobody(_ transport: Transport) async throws {
        // Over TCP a round lasts a second: so long a client waits before it sends its dropped SYN again.
        for _ in 0..<(transport == .unix ? 20 : 4) {
            let tally = try await Self.round(transport) { await $0.finishAccepting() }
            #expect(tally.lost == 0)
            #expect(tally.answered >= 100)
        }
    }

    @Test("finishAccepting under load at the limit loses no client", arguments: Transport.allCases)
    func atLimit(_ transport: Transport) async throws {
        for _ in 0..<2 {
            var options = ServerOptions()
            options.maxConnections = 1
            let tally = try await Self.round(transport, options: options) { await $0.finishAccepting() }
            #expect(tally.lost == 0)
            #expect(tally.answered >= 100)
        }
    }

    @Test("the control: a plain close under load does lose clients", arguments: Transport.allCases)
    func closeLoses(_ transport: Transport) async throws {
        for _ in 0..<300 {
            let tally = try await Self.round(transport) { await $0.close() }
            if tally.lost > 0 { return }
        }
        Issue.record("300 rounds without a loss: the load is too small to prove anything")
    }
}
