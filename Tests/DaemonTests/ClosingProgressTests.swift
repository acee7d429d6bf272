// SPDX-License-Identifier: Apache-2.0
// What a closing tells of itself, and how often: what is new, and nothing twice.

import EventLoops
import ManagerInterface
import TestSupport
import Testing
import Varlink

@testable import Daemon
@testable import ServiceConfig

@Suite("Progress of a closing", .timeLimit(.minutes(5)))
struct ClosingProgressTests {
    private static let hour: Int64 = 3_600_000_000

    /// What subscribers are told of closings.
    private struct Told: Sendable {
        private let services: Services
        private let subscription = EventHub.Subscription(
            service: nil, kinds: [.closingProgress, .serviceRemoved], caller: AdminCaller(uid: 0, pid: 1, gid: 0))

        init(_ services: Services) {
            self.services = services
            services.manager.context.events.add(subscription)
        }

        /// What was told since the last look.
        func next() async throws -> [ClosingProgress] {
            await settle(services.loop)
            // Behind it comes nothing.
            let hub = services.manager.context.events
            let mark = try #require(ServiceName("mark"))
            await services.loop.perform { hub.serviceRemoved(mark) }
            return try #require(try await subscription.queue.next()).compactMap(\.event.closing)
        }

        func end() { services.manager.context.events.remove(subscription) }
    }

    /// Clients of an echo that has answered them.
    private static func clients(_ count: Int, _ endpoint: Endpoint, _ services: Services) async throws -> [TestClient] {
        var clients: [TestClient] = []
        for _ in 0..<count {
            let client = try endpoint.connect(services, sending: "x")
            #expect(try await client.line() == "x")
            clients.append(client)
        }
        return clients
    }

    @Test("connections that end are told together, a tenth of a second after the first; the last one at once")
    func ends() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint)) { services in
            var clients = try await Self.clients(6, endpoint, services)
            let told = Told(services)
            _ = try await services.manager.close(.init(service: "test", existing: .stop, grace: Self.hour))
            #expect(try await told.next().last?.open == 6)
            let last = clients.removeLast()
            for client in clients { await client.close() }
            await services.wait { $0.connections == 1 }
            await services.advance(by: Closing.interval - .milliseconds(1))
            #expect(try await told.next().isEmpty)
            await services.advance(by: .milliseconds(1))
            #expect(try await told.next().map { [$0.open, $0.ended] } == [[1, 5]])
            await last.close()
            await services.wait { $0.connections == 0 }
            #expect(try await told.next().map { [$0.open, $0.ended] } == [[0, 6]])
            told.end()
        }
    }

    @Test("a plan that becomes stricter is told at once, one that does not is no news")
    func plans() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint)) { services in
            let clients = try await Self.clients(1, endpoint, services)
            let told = Told(services)
            func close(after grace: Int64) async throws {
                _ = try await services.manager.close(.init(service: "test", existing: .stop, grace: grace))
            }
            try await close(after: Self.hour)
            let first = try #require(try await told.next().last?.nextStepTimestamp)
            for grace in [Self.hour, 2 * Self.hour] {
                try await close(after: grace)
                #expect(try await told.next().isEmpty)
            }
            try await close(after: Self.hour / 2)
            let stricter = try await told.next()
            #expect(stricter.count == 1)
            #expect(try #require(stricter.last?.nextStepTimestamp) < first - Self.hour / 4)
            for client in clients { await client.close() }
            told.end()
        }
    }

    @Test("of many services that close nothing is told twice")
    func manyServices() async throws {
        let definitions = try (1...9).map { try service("s\($0)", on: Endpoint()) }
        try await withServices(definitions) { services in
            let told = Told(services)
            await (try services.manager.drain(.init())).finished()
            #expect(try await told.next().map(\.step) == [.accepting, .finished])
            told.end()
        }
    }

    @Test("the exit that is told is that of the connection that is closed, whichever others end meanwhile")
    func exit() async throws {
        let endpoint = try Endpoint()
        let stubborn = shell("trap '' TERM; echo ready; exec cat")
        try await withServices(service(on: endpoint, handler: stubborn)) { services in
            let service = try await services.manager.service(named: "test")
            let meant = try endpoint.connect(services)
            #expect(try await meant.line() == "ready")
            let id = try #require(await service.connectionIDs.first)
            let other = try endpoint.connect(services)
            #expect(try await other.line() == "ready")
            let closing = try await services.manager.close(.init(id: id, deadline: 5_000_000))
            await other.close()
            await services.wait { $0.connections == 1 }
            #expect(await closing.exit == nil)
            await services.advance(by: .seconds(5))
            await closing.finished()
            #expect(await closing.exit?.signal == 9)
            await meant.close()
        }
    }
}
