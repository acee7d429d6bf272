// SPDX-License-Identifier: Apache-2.0
// What operators have set, as it is kept for the next daemon.

import Descriptors
import EventLoops
import ManagerInterface
import SocketServer
import Supervision
import Systemd
import TestSupport
import Testing

@testable import Daemon
@testable import ServiceConfig

@Suite("operators' settings") struct OperatorSettingsTests {
    private typealias OfService = OperatorSettings.OfService

    @Test("what was set is read again, and services of which nothing was set are not kept")
    func readAgain() throws {
        let set = [
            OfService(name: "closed", isClosed: true), OfService(name: "held", isSuspended: true),
            OfService(name: "limited", limit: 3, configuredLimit: 0),
        ]
        let settings = OperatorSettings(set.reversed() + [OfService(name: "plain")])
        #expect(settings.services == set)
        let kept = OperatorSettings.kept(in: try settings.write())
        #expect(kept == settings)
    }

    @Test("a limit holds in place of the one that it was set over, and of no other", arguments: [0, 1, 2, 3])
    func limit(configured: Int) async throws {
        try await withServices(service(on: try Endpoint(), maxConnections: 2)) { services in
            let service = try await services.manager.service(named: "test")
            await service.restore(.init(name: "test", limit: 100, configuredLimit: configured))
            #expect(service.limit.maximum == (configured == 2 ? 100 : 2))
        }
    }

    @Test("a service is as it was set, whatever of it was", arguments: 0..<8)
    func restored(_ bits: Int) async throws {
        let set = OfService(
            name: "test", limit: bits & 1 == 0 ? nil : 3, configuredLimit: bits & 1 == 0 ? nil : 2,
            isSuspended: bits & 2 != 0, isClosed: bits & 4 != 0)
        let endpoint = try Endpoint()
        try await onLoop(clock: ManualClock()) { loop in
            let manager = ServiceManager(
                ServiceContext(test: try TestLog(), by: try Spawner(on: loop), on: loop),
                operators: OperatorSettings([set]))
            try await manager.open(
                [service(on: endpoint, maxConnections: 2)],
                claiming: InheritedSockets(InheritedDescriptors(adopting: [])))
            let service = try await manager.service(named: "test")
            #expect(await service.operatorSettings == set)
            #expect(await service.state == (set.isClosed ? .closed : set.isSuspended ? .suspended : .listening))
            #expect(await service.servers.isEmpty == set.isClosed)
            // What was closed is suspended no more once it is opened.
            if set.isClosed { #expect(await service.reopen()) }
            #expect(await service.operatorSettings.isSuspended == (set.isSuspended && !set.isClosed))
            await manager.drain()
        }
    }

    @Test("what is longer than can be read is not written")
    func tooLong() throws {
        for (limit, isShortEnough) in [(6, false), (7, true), (8, true)] {
            let text = Array("\"12345\"".utf8)
            let written = try? SealedText.write("12345", as: "test", limit: limit)
            #expect((written != nil) == isShortEnough)
            let whole = try SealedText.write("12345", as: "test")
            let read = whole.use { SealedText.read($0, limit: limit) }
            #expect(read == (isShortEnough ? text : nil))
        }
    }

    @Test("what is not understood is as if nothing was set")
    func notUnderstood() throws {
        let nothing = OperatorSettings()
        let none = OperatorSettings.kept(in: nil)
        #expect(none == nothing)
        let text = OperatorSettings.kept(in: try SealedText.write("closed", as: "test"))
        #expect(text == nothing)
        let other = OperatorSettings.kept(in: try SealedText.write(["version": 2], as: "test"))
        #expect(other == nothing)
    }
}
