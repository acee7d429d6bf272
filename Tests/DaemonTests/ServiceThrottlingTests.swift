// SPDX-License-Identifier: Apache-2.0
// Services whose handlers keep failing are held back, and go on by themselves.

import EventLoops
import ManagerInterface
import Sockets
import TestSupport
import Testing

@testable import Daemon
@testable import ServiceConfig

@Suite("Throttling", .timeLimit(.minutes(1)))
struct ServiceThrottlingTests {
    /// Lets handlers fail one after the other until `count` have failed in all.
    static func fail(upTo count: Int, _ endpoint: Endpoint, _ services: Services) async throws {
        while case let failed = await services.status().handlerFailures, failed < count {
            let client = try endpoint.connect(services, sending: "1")
            #expect(try await client.readToEnd() == [])
            await services.wait { $0.handlerFailures == failed + 1 }
            await client.close()
        }
    }

    @Test("after ten failures in a row the service is throttled until the time it shows, and goes on by itself")
    func throttled() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint, handler: exitsAsTold)) { services in
            try await Self.fail(upTo: 9, endpoint, services)
            #expect(await services.status().state == .listening)
            try await Self.fail(upTo: 10, endpoint, services)
            #expect(await services.status().state == .throttled)
            #expect(await services.goesOn(in: .seconds(1)))
            #expect(await services.manager.statusLine() == "1 service, 0 connections, 1 not serving")

            let waiting = try endpoint.connect(services, sending: "1")
            await services.advance(by: .milliseconds(999))
            #expect(await services.status().connectionsAccepted == 10)
            #expect(await services.status().state == .throttled)
            await services.advance(by: .milliseconds(1))
            #expect(try await waiting.readToEnd() == [])
            await waiting.close()
            // It has not got better: for twice as long.
            await services.wait { $0.handlerFailures == 11 }
            #expect(await services.status().state == .throttled)
            #expect(await services.goesOn(in: .seconds(2)))
            await services.advance(by: .seconds(2))
            #expect(await services.status().state == .listening)
            #expect(await services.status().retryTimestamp == nil)

            // One success forgets all failures.
            let good = try endpoint.connect(services, sending: "0")
            #expect(try await good.readToEnd() == [])
            await good.close()
            try await Self.fail(upTo: 20, endpoint, services)
            #expect(await services.status().state == .listening)
            try await Self.fail(upTo: 21, endpoint, services)
            #expect(await services.status().state == .throttled)
            // Three times within a minute are told once.
            let lines = services.log.lines("<4>handlers keep failing")
            #expect(lines.count == 1)
            #expect(lines.first?.contains("failures=10 retry_ms=1000 times=1") == true)
        }
    }

    @Test("an address that the service gets while it is throttled is held too")
    func reopened() async throws {
        let tree = try TemporaryTree()
        let (endpoint, taken) = try (Endpoint(), Endpoint(in: tree))
        let occupant = taken.occupy()
        try await withServices(service(on: endpoint, taken, handler: exitsAsTold)) { services in
            await services.advance(by: .milliseconds(500))
            try await Self.fail(upTo: 10, endpoint, services)
            taken.free(occupant)
            await services.advance(by: .milliseconds(500))
            await services.wait { $0.failure == nil }
            #expect(await services.status().state == .throttled)
            let client = try taken.connect(services, sending: "0")
            await settle(services.loop)
            #expect(await services.status().connectionsAccepted == 10)
            await services.advance(by: .milliseconds(500))
            #expect(try await client.readToEnd() == [])
            await services.wait { $0.connectionsAccepted == 11 && $0.connections == 0 }
            await client.close()
        }
        withExtendedLifetime(tree) {}
    }

    @Test("a throttled service that drains serves those in its queue")
    func draining() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint, handler: shell("read line; echo \"$line\"; exit 1"))) { services in
            for count in 1...10 {
                let client = try endpoint.connect(services, sending: "x")
                #expect(try await client.readToEnd() == Array("x\n".utf8))
                await services.wait { $0.handlerFailures == count }
                await client.close()
            }
            #expect(await services.status().state == .throttled)
            let waiting = try endpoint.connect(services, sending: "last")
            await services.manager.drain()
            #expect(try await waiting.readToEnd() == Array("last\n".utf8))
            #expect(await services.status().state == .closed)
            await waiting.close()
            // The end of the throttling finds nothing to release.
            await services.advance(by: .seconds(60))
        }
    }
}
