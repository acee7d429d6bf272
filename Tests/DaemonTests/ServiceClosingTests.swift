// SPDX-License-Identifier: Apache-2.0
// Closing services and connections over the manager interface: who ends, when, and what is told of it.

import EventLoops
import ManagerInterface
import Policy
import SocketServer
import Sockets
import SystemPackage
import TestSupport
import Testing
import Varlink

@testable import Daemon
@testable import ServiceConfig

@Suite("Closing", .timeLimit(.minutes(5)))
struct ServiceClosingTests {
    static let settings = DaemonSettings(drainTimeout: .seconds(30), stopTimeout: .seconds(10))
    static let cat = shell("echo ready; exec cat")

    /// A client of a program that has greeted it.
    private static func greeted(_ endpoint: Endpoint, _ services: Services) async throws -> TestClient {
        let client = try endpoint.connect(services)
        #expect(try await client.read(6) == Array("ready\n".utf8))
        return client
    }

    /// The reply to a call that closes something, once there is one.
    private static func begin(
        _ services: Services, _ closing: Closing
    ) -> OneShot<ClosingProgress> {
        let reply = OneShot<ClosingProgress>()
        _ = Task(executorPreference: services.loop) {
            reply.fulfil(try await closing.follow { _ in })
        }
        return reply
    }

    @Test("a service that is closed listens no more, keeps its connections, and can be opened again")
    func keep() async throws {
        let tree = try TemporaryTree()
        let endpoint = try Endpoint(in: tree)
        try await withServices(service(on: endpoint, handler: Self.cat), settings: Self.settings) { services in
            let client = try await Self.greeted(endpoint, services)
            let began = try #require(await services.status().listeningTimestamp)
            let progress = try await Self.begin(services, services.manager.close(.init(service: "test"))).value()
            #expect(progress.step == .finished && progress.kept == 1 && progress.open == 0)
            #expect(await services.status().state == .closed)
            #expect(throws: Errno.noSuchFileOrDirectory) { try endpoint.connect(services) }
            try client.write("still here\n")
            #expect(try await client.read(11) == Array("still here\n".utf8))

            let service = try await services.manager.service(named: "test")
            #expect(await service.reopen())
            let next = try await Self.greeted(endpoint, services)
            let status = await services.status()
            #expect(status.state == .listening && status.connections == 2)
            #expect(try #require(status.listeningTimestamp) > began)
            // The kept one is closed with the others.
            let all = try await Self.begin(
                services, services.manager.close(.init(service: "test", existing: .stop))
            ).value()
            #expect(all.step == .finished && all.stopped == 2 && all.killed == 0)
            #expect(try await client.readToEnd() == [])
            #expect(try await next.readToEnd() == [])
            await client.close()
            await next.close()
        }
        withExtendedLifetime(tree) {}
    }

    @Test("connections have their grace, are asked, and are killed at the deadline, whoever ignores SIGTERM")
    func ladder() async throws {
        let endpoint = try Endpoint()
        let script = shell("trap '' TERM; echo ready; exec sleep 1000")
        try await withServices(service(on: endpoint, handler: script), settings: Self.settings) { services in
            let client = try await Self.greeted(endpoint, services)
            let closing = try await services.manager.close(
                .init(service: "test", existing: .stop, grace: 5_000_000, deadline: 7_000_000))
            let reply = Self.begin(services, closing)
            await services.wait { $0.state == .draining }
            await settle(services.loop)
            #expect(await closing.progress.step == .waiting)
            await services.advance(by: .milliseconds(4999))
            #expect(await closing.progress.step == .waiting)
            await services.advance(by: .milliseconds(1))
            #expect(await closing.progress.step == .stopping)
            await services.advance(by: .milliseconds(1999))
            #expect(client.pending == .nothing && reply.current == nil)
            await services.advance(by: .milliseconds(1))
            let progress = await reply.value()
            #expect(progress.step == .finished && progress.killed == 1 && progress.stopped == 0)
            #expect(try await client.readToEnd() == [])
            #expect(await services.status().handlerFailures == 0)
            await client.close()
        }
    }

    @Test("a hundred who close one service at the same time all get the same answer")
    func repeated() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint, handler: Self.cat), settings: Self.settings) { services in
            let clients = [try await Self.greeted(endpoint, services), try await Self.greeted(endpoint, services)]
            let replies = try await withThrowingTaskGroup(of: ClosingProgress.self) { group in
                for _ in 0..<100 {
                    group.addTask(executorPreference: services.loop) {
                        let call = Manager.CloseService.Parameters(service: "test", existing: .stop)
                        return try await services.manager.close(call).follow { _ in }
                    }
                }
                return try await group.reduce(into: Set<ClosingProgress>()) { $0.insert($1) }
            }
            #expect(replies.count == 1 && replies.first?.stopped == 2 && replies.first?.step == .finished)
            for client in clients { await client.close() }
        }
    }

    @Test("a stricter call makes the closing under way as strict, and both end together")
    func stricter() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint, handler: Self.cat), settings: Self.settings) { services in
            let client = try await Self.greeted(endpoint, services)
            let slow = try await Self.begin(
                services,
                services.manager.close(.init(service: "test", existing: .stop, grace: 3_600_000_000)))
            await services.wait { $0.state == .draining }
            let quick = try await Self.begin(
                services, services.manager.close(.init(service: "test", existing: .stop)))
            let (first, second) = (await slow.value(), await quick.value())
            #expect(first == second && first.stopped == 1)
            #expect(try await client.readToEnd() == [])
            await client.close()
        }
    }

    @Test("a service cannot be opened while it is being closed, also when it had been closed before")
    func notOpenedMeanwhile() async throws {
        let tree = try TemporaryTree()
        let endpoint = try Endpoint(in: tree)
        try await withServices(service(on: endpoint, handler: Self.cat), settings: Self.settings) { services in
            let client = try await Self.greeted(endpoint, services)
            _ = try await Self.begin(services, services.manager.close(.init(service: "test"))).value()
            let closing = try await services.manager.close(
                .init(service: "test", existing: .stop, grace: 5_000_000, deadline: 7_000_000))
            let service = try await services.manager.service(named: "test")
            let wasOpened = await service.reopen()
            #expect(!wasOpened)
            await services.advance(by: .seconds(5))
            await closing.finished()
            #expect(try await client.readToEnd() == [])
            let isOpened = await service.reopen()
            #expect(isOpened)
            await (try Self.greeted(endpoint, services)).close()
            await client.close()
        }
        withExtendedLifetime(tree) {}
    }

    @Test("one connection is closed alone, and its end is told")
    func oneConnection() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint, handler: Self.cat), settings: Self.settings) { services in
            let client = try await Self.greeted(endpoint, services)
            let other = try await Self.greeted(endpoint, services)
            let id = try #require(await services.manager.service(named: "test").connectionStatuses.first?.id)
            let closing = try await services.manager.close(.init(id: id))
            let progress = await Self.begin(services, closing).value()
            #expect(progress.stopped == 1 && progress.step == .finished)
            let exit = await closing.exit
            #expect(exit?.ending == .killed && exit?.signal == 15 && exit?.stopped == true && exit?.failure == nil)
            #expect(try await client.readToEnd() == [])
            let status = await services.status()
            #expect(status.state == .listening && status.connections == 1)
            await #expect(throws: VarlinkError(Manager.NoSuchConnection(id: id))) {
                _ = try await services.manager.close(.init(id: id))
            }
            await client.close()
            await other.close()
        }
    }

    @Test("connections are closed by a filter, which must have a condition")
    func filter() async throws {
        let (one, two) = try (Endpoint(), Endpoint())
        try await withServices(
            service("one", on: one, handler: Self.cat), service("two", on: two, handler: Self.cat),
            settings: Self.settings
        ) { services in
            let first = try await Self.greeted(one, services)
            let second = try await Self.greeted(two, services)
            await #expect(throws: VarlinkError.self) {
                _ = try await services.manager.close(Manager.CloseConnections.Parameters(filter: .init()))
            }
            let closing = try await services.manager.close(
                Manager.CloseConnections.Parameters(filter: .init(service: "two")))
            #expect(await Self.begin(services, closing).value().stopped == 1)
            #expect(try await second.readToEnd() == [])
            try first.write("x\n")
            #expect(try await first.read(2) == Array("x\n".utf8))
            #expect(await services.status("two").state == .listening)
            await first.close()
            await second.close()
        }
    }

    @Test("whoever closes the same connections again joins the closing, which becomes as strict")
    func joinedAgain() async throws {
        let endpoint = try Endpoint()
        let stubborn = shell("trap '' TERM; echo ready; exec cat")
        try await withServices(service(on: endpoint, handler: stubborn), settings: Self.settings) { services in
            let clients = [try await Self.greeted(endpoint, services), try await Self.greeted(endpoint, services)]
            let filter = ConnectionFilter(service: "test")
            let first = try await services.manager.close(
                Manager.CloseConnections.Parameters(filter: filter, deadline: 3_600_000_000))
            for _ in 0..<100 {
                let next = try await services.manager.close(
                    Manager.CloseConnections.Parameters(filter: filter, deadline: 3_600_000_000))
                #expect(next === first)
            }
            let id = try #require(await services.manager.service(named: "test").connectionStatuses.first?.id)
            let other = try await services.manager.close(.init(id: id))
            #expect(other !== first)
            let last = try await services.manager.close(
                Manager.CloseConnections.Parameters(filter: filter, deadline: 10_000_000))
            #expect(last === first)
            let reply = Self.begin(services, first)
            await services.advance(by: .seconds(10))
            #expect(await reply.value().killed == 2)
            for client in clients { #expect(try await client.readToEnd() == []) }
        }
    }

    @Test("streams of programs are shut down only where the configuration allows it, and then nothing is changed")
    func shutdownNotAllowed() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint, handler: Self.cat), settings: Self.settings) { services in
            let client = try await Self.greeted(endpoint, services)
            await #expect(
                throws: VarlinkError(Manager.ShutdownNotPossible(reason: .configuration, service: "test"))
            ) {
                _ = try await services.manager.close(.init(service: "test", existing: .shutdown))
            }
            #expect(await services.status().state == .listening)
            await client.close()
        }
    }

    @Test(
        "where it is allowed the stream of a program is ended, which it sees, and its client too",
        .enabled(if: (try? SocketDiagnostics.checkDestruction()) != nil, "ending a stream needs CAP_NET_ADMIN"))
    func shutdown() async throws {
        let handler = ServiceDefinition.Handler.program(
            ProgramDefinition(
                path: "/bin/sh", arguments: ["-c", "trap '' TERM; echo ready; cat >/dev/null 2>&1; exit 7"],
                allowsShutdown: true))
        let listen = ListenAddress.inet(InetAddress(ip: .loopbackV4, port: 0))
        try await withServices(service(listening: [listen], handler: handler), settings: Self.settings) { services in
            let service = try await services.manager.service(named: "test")
            let address = try #require(await service.servers.first?.listeningOnAddress)
            let client = try TestClient.connect(to: address, on: services.loop)
            #expect(try await client.read(6) == Array("ready\n".utf8))
            let id = try #require(await service.connectionStatuses.first?.id)
            let closing = try await services.manager.close(.init(id: id, by: .shutdown))
            let progress = await Self.begin(services, closing).value()
            #expect(progress.stopped == 1 && progress.killed == 0)
            let exit = await closing.exit
            #expect(exit?.ending == .exited && exit?.exitCode == 7 && exit?.stopped == true)
            await #expect(throws: Errno.connectionReset) { try await client.socket.receive(upTo: 1) }
            #expect(await services.status().state == .listening)
            await client.close()
        }
    }

    @Test("a drain closes every service, the daemon goes on, and services can be opened again")
    func drain() async throws {
        let tree = try TemporaryTree()
        let (one, two) = try (Endpoint(in: tree), Endpoint(in: tree))
        try await withServices(
            service("one", on: one, handler: Self.cat), service("two", on: two), settings: Self.settings
        ) { services in
            let client = try await Self.greeted(one, services)
            let reply = try await Self.begin(services, services.manager.drain(.init()))
            await services.wait("one") { $0.state == .draining }
            await settle(services.loop)
            await services.advance(by: .milliseconds(29_999))
            #expect(reply.current == nil)
            await services.advance(by: .milliseconds(1))
            let progress = await reply.value()
            #expect(progress.stopped == 1 && progress.step == .finished)
            #expect(await services.status("two").state == .closed)
            #expect(await services.manager.status(of: nil)?.daemon.state == .running)
            let two = try await services.manager.service(named: "two")
            #expect(await two.reopen())
            #expect(await services.status("two").state == .listening)
            await client.close()
        }
        withExtendedLifetime(tree) {}
    }
}
