// SPDX-License-Identifier: Apache-2.0
// The moment before another image goes on: nobody is accepted, and connections of ours have their time to end.

import EventLoops
import ManagerInterface
import TestSupport
import Testing

@testable import Daemon

@Suite("Handover", .timeLimit(.minutes(5))) struct HandoverTests {
    @Test("whoever comes during a handover waits, and is served when the daemon was not replaced")
    func failed() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint)) { services in
            let holds = Holds()
            let outcome = await Handover(services.manager, holds).finish()
            #expect(outcome == (0, 0))
            let client = try endpoint.connect(services, sending: "x")
            await settle(services.loop)
            #expect(await services.status().connectionsAccepted == 0)
            await services.loop.perform { holds.release() }
            #expect(try await client.line() == "x")
            await client.close()
        }
    }

    @Test("a connection that the daemon serves itself has five seconds to end, is ended then, and is counted")
    func ended() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint)) { services in
            let client = try endpoint.connect(services, sending: "x")
            #expect(try await client.line() == "x")
            let outcome = OneShot<(ended: Int, left: Int)>()
            _ = Task(executorPreference: services.loop) {
                outcome.fulfil(await Handover(services.manager, Holds()).finish())
            }
            await settle(services.loop)
            // It looks every five milliseconds.
            for step in [Handover.patience - .milliseconds(10), .milliseconds(5)] {
                await services.advance(by: step)
                #expect(client.pending == .nothing && outcome.current == nil)
            }
            await services.advance(by: .milliseconds(5))
            #expect(try await client.readToEnd() == [])
            while outcome.current == nil { await services.advance(by: .milliseconds(5)) }
            #expect(await outcome.value() == (1, 0))
            await client.close()
        }
    }
}
