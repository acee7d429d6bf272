// SPDX-License-Identifier: Apache-2.0
// What begins in the very moment in which a service closes: a connection's handler, an address that is being opened.

import EventLoops
import ManagerInterface
import SocketServer
import Sockets
import SystemPackage
import TestSupport
import Testing

@testable import Daemon
@testable import ServiceConfig

@Suite("Closing meanwhile", .timeLimit(.minutes(5)))
struct ClosingRaceTests {
    private static let settings = ServiceDrainTests.settings

    @Test("a closing ends, too, when its service stops listening between a client's acceptance and its handler's start")
    func closedBeforeTheHandler() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint, maxConnections: 1), settings: Self.settings) { services in
            let service = try await services.manager.service(named: "test")
            let first = try endpoint.connect(services)
            await services.wait { $0.connections == 1 }
            let second = try endpoint.connect(services)
            services.onChange {
                // It is told of the second client before the handler's task has begun.
                service.assumeIsolated { if $0.counters.accepted == 2 { $0.stopListening() } }
            }
            let closing = await service.close(
                .stop(after: .seconds(3600), stopTimeout: .seconds(10), now: services.loop.now))
            await first.close()
            #expect(await closing.finished())
            let progress = await closing.progress
            #expect(progress.ended == 1 && progress.stopped == 1 && progress.open == 0)
            #expect(await service.counters.refused == 1)
            #expect(try await second.readToEnd() == [])
            await second.close()
        }
    }

    /// Runs `body` so many generations of jobs after the next try to open an address was due, and proves that the
    /// address is not left open.
    private static func whileOpening(
        _ generations: Int, _ body: @escaping @Sendable (Services) async throws -> Void
    ) async throws {
        let tree = try TemporaryTree()
        let endpoint = try Endpoint(in: tree)
        let occupant = endpoint.occupy()
        try await withServices(service(on: endpoint), settings: settings) { services in
            endpoint.free(occupant)
            async let advanced: Void = services.advance(by: .seconds(1))
            for _ in 0..<generations {
                await withCheckedContinuation { step in services.loop.execute { step.resume() } }
            }
            try await body(services)
            await advanced
            await settle(services.loop)
            #expect(throws: Errno.noSuchFileOrDirectory) { try endpoint.connect(services) }
            #expect(await services.status().state == .closed)
        }
        withExtendedLifetime(tree) {}
    }

    @Test(
        "an address that is being opened while a handler's error closes the service is not left open", arguments: 0...12
    )
    func openingAtError(generations: Int) async throws {
        try await Self.whileOpening(generations) { services in
            try await services.manager.service(named: "test").handle(.closed(error: Errno.ioError))
        }
    }

    @Test("an address that is being opened while the drain begins is not left open", arguments: 0...12)
    func opening(generations: Int) async throws {
        try await Self.whileOpening(generations) { await $0.manager.drain() }
    }
}
