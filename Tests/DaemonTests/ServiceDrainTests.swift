// SPDX-License-Identifier: Apache-2.0
// The end of services: those in the queue are served, connections get their grace, then they are ended.

import EventLoops
import ManagerInterface
import SocketServer
import Sockets
import SystemPackage
import TestSupport
import Testing
import Varlink

@testable import Daemon
@testable import ServiceConfig

@Suite("Draining", .timeLimit(.minutes(5)))
struct ServiceDrainTests {
    static let settings = DaemonSettings(drainTimeout: .seconds(30), stopTimeout: .seconds(10))
    /// Says that it is ready, then ignores SIGTERM for as long as it lives.
    static let stubborn = shell("trap '' TERM; echo ready; exec sleep 1000")

    @Test("those in the queue are served, newcomers are refused, and it ends with the last connection")
    func queue() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint, maxConnections: 1)) { services in
            let first = try endpoint.connect(services, sending: "1")
            #expect(try await first.read(2) == Array("1\n".utf8))
            let second = try endpoint.connect(services, sending: "2")
            let drained = OneShot<Void>()
            _ = Task(executorPreference: services.loop) {
                await services.manager.drain()
                drained.fulfil(())
            }
            await services.wait { $0.state == .draining }
            await settle(services.loop)
            #expect(await services.manager.statusLine() == "Draining: 1 service, 1 connection")
            #expect(await services.manager.status(of: nil)?.daemon.state == .stopping)
            #expect(throws: Errno.connectionRefused) { try endpoint.connect(services) }

            await first.close()
            #expect(try await second.read(2) == Array("2\n".utf8))
            #expect(drained.current == nil)
            await second.close()
            await drained.value()
            let status = await services.status()
            #expect(status.state == .closed && status.connections == 0 && status.connectionsAccepted == 2)
            #expect(status.listeningTimestamp == nil && status.handlerFailures == 0)
            // It is drained already.
            await services.manager.drain()
        }
    }

    @Test("whoever waits in the queue of a suspended service is served when it drains")
    func suspended() async throws {
        let tree = try TemporaryTree()
        let endpoint = try Endpoint(in: tree)
        try await withServices(service(on: endpoint)) { services in
            #expect(try await services.manager.service(named: "test").suspend())
            let client = try endpoint.connect(services, sending: "x")
            await settle(services.loop)
            #expect(await services.status().connectionsAccepted == 0)
            _ = try await services.manager.drain(.init())
            #expect(try await client.read(2) == Array("x\n".utf8))
            await client.close()
            await services.wait { $0.state == .closed }
            let service = try await services.manager.service(named: "test")
            // Whoever opens it again wants it to serve.
            #expect(await service.reopen())
            let status = await services.status()
            #expect(status.state == .listening, "\(status)")
        }
        withExtendedLifetime(tree) {}
    }

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

    @Test("a drain that comes while everything is being opened has the last word", arguments: 0..<8)
    func drainedWhileOpening(turns: Int) async throws {
        let tree = try TemporaryTree()
        let all = try (0..<3).map { (name: "s\($0)", on: try Endpoint(in: tree)) }
        try await withServices(all.map { try service($0.name, on: $0.on) }) { services in
            let manager = services.manager
            await (try manager.drain(.init())).finished()
            let opening = Task(executorPreference: services.loop) { try await manager.openServices() }
            for _ in 0..<turns { await services.loop.perform {} }
            await (try manager.drain(.init())).finished()
            let opened = try? await opening.value.opened
            for one in all {
                #expect(await services.status(one.name).listeningTimestamp == nil, "\(opened ?? [])")
                #expect(await services.status(one.name).state == .closed)
            }
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

    @Test("connections have the grace to end by themselves, and are ended after it")
    func grace() async throws {
        let endpoint = try Endpoint()
        try await withServices(
            service(on: endpoint, handler: shell("echo ready; exec cat")), settings: Self.settings
        ) { services in
            let client = try endpoint.connect(services)
            #expect(try await client.read(6) == Array("ready\n".utf8))
            let drained = OneShot<Void>()
            _ = Task(executorPreference: services.loop) {
                await services.manager.drain()
                drained.fulfil(())
            }
            await services.wait { $0.state == .draining }
            await settle(services.loop)
            await services.advance(by: .milliseconds(29_999))
            try client.write("still here\n")
            #expect(try await client.read(11) == Array("still here\n".utf8))
            await services.advance(by: .milliseconds(1))
            #expect(try await client.readToEnd() == [])
            await drained.value()
            let status = await services.status()
            #expect(status.state == .closed && status.connections == 0)
            // It ended as it was told to: that is no failure.
            #expect(status.handlerFailures == 0 && status.lastError == nil)
            #expect(services.log.lines("<6>connection ended").map { $0.contains("signal=SIGTERM") } == [true])
            await client.close()
        }
    }

    @Test("a program that ignores SIGTERM is killed after the stop timeout, and nothing is left of it")
    func stubborn() async {
        await #expect(processExitsWith: .success) {
            let left = try await leftBehind {
                let endpoint = try Endpoint()
                try await withServices(
                    service(on: endpoint, handler: ServiceDrainTests.stubborn), settings: ServiceDrainTests.settings
                ) { services in
                    let client = try endpoint.connect(services)
                    let ready = try await client.read(6)
                    #expect(ready == Array("ready\n".utf8))
                    let drained = OneShot<Void>()
                    _ = Task(executorPreference: services.loop) {
                        await services.manager.drain()
                        drained.fulfil(())
                    }
                    await services.wait { $0.state == .draining }
                    await settle(services.loop)
                    await services.advance(by: .seconds(30))
                    await services.advance(by: .milliseconds(9999))
                    #expect(client.pending == .nothing && drained.current == nil)
                    let connections = await services.status().connections
                    #expect(connections == 1)
                    await services.advance(by: .milliseconds(1))
                    let rest = try await client.readToEnd()
                    #expect(rest.isEmpty)
                    await drained.value()
                    let lines = services.log.lines("<6>connection ended")
                    #expect(lines.map { $0.contains("signal=SIGKILL") } == [true])
                    await client.close()
                }
            }
            // A file is what a test beside this one had open when this process was started.
            #expect(left.children.isEmpty && left.descriptors.allSatisfy { $0.contains(" /") }, "\(left)")
        }
    }

    @Test("connections can be ended before the grace is over, and their ends are still logged")
    func impatience() async throws {
        let (endpoint, other) = try (Endpoint(), Endpoint())
        try await withServices(
            service(on: endpoint, handler: shell("echo ready; exec cat")), service("other", on: other),
            settings: Self.settings
        ) { services in
            let program = try endpoint.connect(services)
            #expect(try await program.read(6) == Array("ready\n".utf8))
            let builtIn = try other.connect(services, sending: "x")
            #expect(try await builtIn.read(2) == Array("x\n".utf8))
            let drained = OneShot<Void>()
            _ = Task(executorPreference: services.loop) {
                await services.manager.drain()
                drained.fulfil(())
            }
            await services.wait { $0.state == .draining }
            await services.manager.endConnections()
            #expect(try await program.readToEnd() == [])
            #expect(try await builtIn.readToEnd() == [])
            await drained.value()
            #expect(services.log.lines("<6>connection ended").count == 2)
            await program.close()
            await builtIn.close()
        }
    }

    @Test("an address that is tried again is not tried any more by a service that drains")
    func retrying() async throws {
        let tree = try TemporaryTree()
        let (endpoint, taken) = try (Endpoint(), Endpoint(in: tree))
        let occupant = taken.occupy()
        try await withServices(service(on: endpoint, taken)) { services in
            await services.manager.drain()
            taken.free(occupant)
            await services.advance(by: .seconds(3600))
            let status = await services.status()
            #expect(status.state == .closed && status.retryTimestamp == nil && status.failure == nil)
            #expect(throws: Errno.noSuchFileOrDirectory) { try taken.connect(services) }
        }
        withExtendedLifetime(tree) {}
    }

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
