// SPDX-License-Identifier: Apache-2.0
// When the streams of connections may be shut down: otherwise nothing is changed, and it is said why.

import Descriptors
import EventLoops
import ManagerInterface
import Policy
import SocketServer
import Supervision
import SystemPackage
import TestSupport
import Testing
import Varlink

@testable import Daemon
@testable import ServiceConfig

@Suite("Shutting streams down", .timeLimit(.minutes(5)))
struct ShutdownTests {
    private static func greets(allowsShutdown: Bool) -> ServiceDefinition.Handler {
        .program(
            ProgramDefinition(
                path: "/bin/sh", arguments: ["-c", "echo ready; exec cat"], allowsShutdown: allowsShutdown))
    }

    /// Closes all connections that have been there for so long, of whichever service.
    private static func shutDown(olderThan: Int64, _ services: Services) async throws -> ClosingProgress {
        let closing = try await services.manager.close(
            Manager.CloseConnections.Parameters(filter: .init(olderThan: olderThan), by: .shutdown))
        await closing.finished()
        return await closing.progress
    }

    @Test(
        "a service none of whose connections is meant is no obstacle; one of whose connections is meant is one to all")
    func meant() async throws {
        let (one, two) = try (Endpoint(), Endpoint())
        try await withServices(
            service("one", on: one), service("two", on: two, handler: Self.greets(allowsShutdown: false))
        ) { services in
            let echo = try one.connect(services, sending: "x")
            #expect(try await echo.line() == "x")
            let cat = try two.connect(services)
            #expect(try await cat.line() == "ready")
            #expect(try await Self.shutDown(olderThan: 3_600_000_000, services).stopped == 0)
            await #expect(throws: VarlinkError(Manager.ShutdownNotPossible(reason: .configuration, service: "two"))) {
                try await Self.shutDown(olderThan: 0, services)
            }
            for client in [echo, cat] {
                try client.write("still here\n")
                #expect(try await client.line() == "still here")
                await client.close()
            }
        }
    }

    @Test("a connection that is none of the Internet's cannot be shut down, and is named")
    func transport() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint, handler: Self.greets(allowsShutdown: true))) { services in
            let client = try endpoint.connect(services)
            #expect(try await client.line() == "ready")
            let id = try #require(await services.manager.service(named: "test").connectionIDs.first)
            await #expect(
                throws: VarlinkError(Manager.ShutdownNotPossible(reason: .transport, service: "test", id: id))
            ) {
                _ = try await services.manager.close(.init(id: id, by: .shutdown))
            }
            await client.close()
        }
    }

    @Test("a connection that began before the configuration allowed it cannot be shut down, and is named")
    func beganBefore() async throws {
        let text = { @Sendable (more: String) in
            "listen = \"127.0.0.1:0\"\nexec = [\"/bin/sh\", \"-c\", \"echo ready; exec cat\"]\n" + more
        }
        let files = ScriptedFiles(["test": text("")])
        try await withServices(files: files) { services in
            let service = try await services.manager.service(named: "test")
            let address = try #require(await service.servers.first?.listeningOnAddress)
            let client = try TestClient.connect(to: address, on: services.loop)
            #expect(try await client.line() == "ready")
            let id = try #require(await service.connectionIDs.first)
            files["test"] = text("allow_shutdown = true\n")
            try await services.reload()
            await #expect(
                throws: VarlinkError(Manager.ShutdownNotPossible(reason: .configuration, service: "test", id: id))
            ) {
                _ = try await services.manager.close(.init(service: "test", existing: .shutdown))
            }
            #expect(await services.status().state == .listening)
            await client.close()
        }
    }

    @Test(
        "where the kernel knows no such end of a stream, or serverd may not, it says so, and nothing is changed",
        arguments: [(Errno.notSupportedOnSocket, ShutdownObstacle.kernel), (.notPermitted, .capability)])
    func notHere(error: Errno, reason: ShutdownObstacle) async throws {
        let listen = ListenAddress.inet(InetAddress(ip: .loopbackV4, port: 0))
        try await withServices(
            service(listening: [listen], handler: Self.greets(allowsShutdown: true)),
            adjusting: { $0.destroyStream = SystemCall { _ in .failure(error) } }
        ) { services in
            let service = try await services.manager.service(named: "test")
            let address = try #require(await service.servers.first?.listeningOnAddress)
            let client = try TestClient.connect(to: address, on: services.loop)
            #expect(try await client.line() == "ready")
            let id = try #require(await service.connectionIDs.first)
            let refused = VarlinkError(Manager.ShutdownNotPossible(reason: reason, service: "test"))
            await #expect(throws: refused) {
                _ = try await services.manager.close(.init(service: "test", existing: .shutdown))
            }
            await #expect(throws: refused) { _ = try await services.manager.close(.init(id: id, by: .shutdown)) }
            #expect(await services.status().state == .listening)
            try client.write("still here\n")
            #expect(try await client.line() == "still here")
            await client.close()
        }
    }

    @Test("a stream that the kernel cannot shut down is no reason to leave its program running: it gets SIGTERM")
    func impossible() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint, handler: Self.greets(allowsShutdown: true))) { services in
            let client = try endpoint.connect(services)
            #expect(try await client.line() == "ready")
            let service = try await services.manager.service(named: "test")
            let ladders = await services.loop.perform {
                service.assumeIsolated { service in
                    service.served.values.map(\.connection).map { connection in
                        service.end(connection, by: .shutdown, killsAt: services.loop.now + .seconds(10))
                        return service.stopLadder(of: connection.id)
                    }
                }
            }
            #expect(ladders == [.terminate(grace: .seconds(10))])
            #expect(try await client.readToEnd() == [])
            #expect(services.log.lines.contains { $0.contains("its handler is sent SIGTERM") })
            await client.close()
        }
    }
}
