// SPDX-License-Identifier: Apache-2.0
// The end of services: those in the queue are served, connections get their grace, then they are ended.

import EventLoops
import ManagerInterface
import SocketServer
import Sockets
import SystemPackage
import TestSupport
import Testing

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
}
