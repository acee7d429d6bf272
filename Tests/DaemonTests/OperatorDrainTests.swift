// SPDX-License-Identifier: Apache-2.0
// A drain by an operator's word: what comes while it goes on, what takes it back, and when nothing does.

import EventLoops
import ManagerInterface
import SocketServer
import Sockets
import TestSupport
import Testing
import Varlink

@testable import Daemon
@testable import ServiceConfig

@Suite("Draining by an operator", .timeLimit(.minutes(5)))
struct OperatorDrainTests {
    @Test("a service that a reload has brought while an operator's drain goes on is drained, too")
    func newcomer() async throws {
        let (old, new) = (try Endpoint(), try Endpoint())
        let files = ScriptedFiles(["old": script(old, script: "echo ready; exec cat")])
        try await withServices(files: files) { services in
            let first = try old.connect(services)
            #expect(try await first.line() == "ready")
            _ = try await services.manager.drain(.init())
            files["new"] = script(new, script: "echo ready; exec cat")
            try await services.reload()
            let second = try new.connect(services)
            #expect(try await second.line() == "ready")
            let drained = OneShot<Void>()
            _ = Task(executorPreference: services.loop) {
                await services.manager.drain()
                drained.fulfil(())
            }
            await first.close()
            await services.wait("old") { $0.connections == 0 }
            await settle(services.loop)
            #expect(drained.current == nil)
            try second.write("still here\n")
            #expect(try await second.line() == "still here")
            await second.close()
            await drained.value()
        }
    }

    @Test("a drain is taken back as a whole, but not while a service is draining; what cannot listen is told")
    func takenBack() async throws {
        let tree = try TemporaryTree()
        let (first, second, third) = (try Endpoint(in: tree), try Endpoint(in: tree), try Endpoint(in: tree))
        try await withServices(
            service("first", on: first), service("second", on: second), service("third", on: third)
        ) { services in
            #expect(try await services.manager.openServices() == .init(opened: []))
            let client = try second.connect(services, sending: "x")
            #expect(try await client.read(2) == Array("x\n".utf8))
            let closing = try await services.manager.drain(.init(grace: 20_000_000))
            await services.wait("first") { $0.listeningTimestamp == nil }
            let refused = await #expect(throws: VarlinkError.self) { try await services.manager.openServices() }
            let wrong = try #require(refused?.as(Manager.WrongState.self))
            #expect(wrong == .init(service: "first", state: .draining))
            #expect(await services.status("first").listeningTimestamp == nil)

            await client.close()
            await closing.finished()
            // Somebody else has come to one of the addresses.
            let occupant = third.occupy()
            let reply = try await services.manager.openServices()
            #expect(reply.opened == ["first", "second"])
            #expect(reply.notListening.map(\.service) == ["third"])
            #expect(reply.notListening.first?.failure?.contains("(EADDRINUSE)") == true)
            #expect(await services.status("third").state == .failed)
            // One that has failed is tried at once.
            third.free(occupant)
            #expect(try await services.manager.openServices() == .init(opened: ["third"]))
            let again = try third.connect(services, sending: "x")
            #expect(try await again.read(2) == Array("x\n".utf8))
            await again.close()
        }
        withExtendedLifetime(tree) {}
    }

    @Test("a daemon that stops opens nothing")
    func openedWhileStopping() async throws {
        try await withServices(service(on: try Endpoint())) { services in
            await services.manager.drain()
            let refused = await #expect(throws: VarlinkError.self) {
                try await callManager(
                    Manager.OpenServices.self, .init(), services, as: AdminCaller(uid: 0, pid: 1, gid: 0))
            }
            #expect(refused?.as(Manager.DaemonStopping.self) != nil)
        }
    }
}
