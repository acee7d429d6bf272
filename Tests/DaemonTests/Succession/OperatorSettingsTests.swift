// SPDX-License-Identifier: Apache-2.0
// What operators have set, as it is kept for the next daemon.

import SocketServer
import Testing

@testable import Daemon

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
