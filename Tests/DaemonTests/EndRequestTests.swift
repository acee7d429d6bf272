// SPDX-License-Identifier: Apache-2.0
// Connections that are asked to end, once and again, by several: the strictest holds, and nothing of it is left.

import EventLoops
import Glibc
import ManagerInterface
import SocketServer
import Supervision
import TestSupport
import Testing

@testable import Daemon
@testable import ServiceConfig

@Suite("Asking connections to end", .timeLimit(.minutes(5)))
struct EndRequestTests {
    @Test("who was asked by a signal is not asked more gently, and nobody gets more time than before")
    func strictest() async throws {
        let endpoint = try Endpoint()
        let stubborn = shell("trap '' TERM; echo ready; exec cat")
        try await withServices(service(on: endpoint, handler: stubborn)) { services in
            let client = try endpoint.connect(services)
            #expect(try await client.line() == "ready")
            let service = try await services.manager.service(named: "test")
            let ladders = await services.loop.perform {
                service.assumeIsolated { service in
                    [(CloseBy.stop, 10), (.shutdown, 20), (.stop, 5)].flatMap { by, seconds in
                        service.served.values.map(\.connection).map { connection in
                            service.end(connection, by: by, killsAt: services.loop.now + .seconds(seconds))
                            return service.stopLadder(of: connection.id)
                        }
                    }
                }
            }
            #expect(ladders == [10, 10, 5].map { StopLadder.terminate(grace: .seconds($0)) })
            await services.advance(by: .seconds(5))
            #expect(try await client.readToEnd() == [])
            await client.close()
        }
    }

    @Test("a program that is only being started is asked when it has begun, by SIGTERM as any other")
    func starting() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint, handler: shell("exec sleep 1000"))) { services in
            let stopped = services.spawns.stopNext()
            let client = try endpoint.connect(services)
            let pid = await stopped.value()
            defer { kill(pid, SIGCONT) }
            let service = try await services.manager.service(named: "test")
            let id = try #require(await service.connectionIDs.first)
            let process = try #require(await service.running(id)?.process)
            let closing = try await services.manager.close(.init(id: id))
            // Of a ladder that it had begun to climb now, the first rung would have reached nobody.
            try #require(process.pid == pid && process.stopStage == .none)
            kill(pid, SIGCONT)
            await closing.finished()
            let exit = try #require(await closing.exit)
            #expect(exit.ending == .killed && exit.signal == SIGTERM && exit.stopped)
            await client.close()
        }
    }

    @Test("nothing is remembered of connections that have ended")
    func forgotten() async throws {
        try await ConnectTests.run([service(on: Endpoint(), handler: shell("exec cat"), allowsConnect: true)]) {
            path, services in
            let client = try ConnectTests.client(path, services)
            try client.write(
                #"{"method":"io.serverd.Manager.Connect","parameters":{"service":"test"},"upgrade":true}"# + "\0x\n")
            #expect(try await ConnectTests.reply(to: client).contains("parameters"))
            #expect(try await client.line() == "x")
            let service = try await services.manager.service(named: "test")
            #expect(await service.served.keys.sorted() == [1])
            await (try services.manager.close(.init(id: 1))).finished()
            #expect(try await client.readToEnd() == [])
            await services.wait { $0.connections == 0 }
            #expect(await service.served.isEmpty)
            #expect(await service.closings.isEmpty)
            await client.close()
        }
    }

    @Test("whoever still waits behind a full limit when the grace is over is refused, and not served first")
    func queuedAtTheEnd() async throws {
        let endpoint = try Endpoint()
        let reader = shell("echo ready; read line")
        try await withServices(service(on: endpoint, handler: reader, maxConnections: 1)) { services in
            let first = try endpoint.connect(services)
            #expect(try await first.line() == "ready")
            // It would be served and end at once, had it its turn.
            let queued = try endpoint.connect(services)
            queued.finishWriting()
            let closing = try await services.manager.close(.init(service: "test", existing: .stop, grace: 5_000_000))
            await services.advance(by: .seconds(5))
            #expect(try await first.readToEnd() == [])
            let rest = try? await queued.readToEnd()
            #expect(rest ?? [] == [])
            await closing.finished()
            #expect(await services.status().connectionsAccepted == 1)
            await first.close()
            await queued.close()
        }
    }

    @Test("a connection that serverd serves itself and closes has ended without a failure")
    func builtIn() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint)) { services in
            let client = try endpoint.connect(services, sending: "x")
            #expect(try await client.line() == "x")
            let id = try #require(await services.manager.service(named: "test").connectionIDs.first)
            let closing = try await services.manager.close(.init(id: id))
            await closing.finished()
            let exit = try #require(await closing.exit)
            #expect(exit.stopped && exit.failure == nil && exit.ending == .returned)
            await client.close()
        }
    }

    @Test("how much memory a program had is not told where it was less than serverd itself ever had")
    func littleMemory() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint, handler: shell("echo ready; read line"))) { services in
            let client = try endpoint.connect(services)
            #expect(try await client.line() == "ready")
            let id = try #require(await services.manager.service(named: "test").connectionIDs.first)
            let closing = try await services.manager.close(.init(id: id))
            await closing.finished()
            let exit = try #require(await closing.exit)
            #expect(exit.ending == .killed && exit.userTime != nil && exit.peakMemory == nil)
            await client.close()
        }
    }

    @Test("a service that two closings end is draining until the last of them is finished")
    func overlapping() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint)) { services in
            let client = try endpoint.connect(services, sending: "x")
            #expect(try await client.line() == "x")
            let all = try await services.manager.drain(.init(grace: 3_600_000_000))
            await (try services.manager.close(.init(service: "test"))).finished()
            #expect(await services.status().state == .draining)
            await client.close()
            await all.finished()
            #expect(await services.status().state == .closed)
        }
    }
}
