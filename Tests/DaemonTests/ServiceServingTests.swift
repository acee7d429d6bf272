// SPDX-License-Identifier: Apache-2.0
// Services at work: their limit, and programs that fail or cannot be started.

import EventLoops
import Glibc
import ManagerInterface
import Sockets
import Supervision
import SystemPackage
import TestSupport
import Testing

@testable import Daemon
@testable import ServiceConfig

@Suite("Serving", .timeLimit(.minutes(5)))
struct ServiceServingTests {
    @Test("a service's addresses share its limit: at it the state is full, and one more waits", arguments: [1, 2, 3])
    func limit(maximum: Int) async throws {
        let endpoints = [try Endpoint(), try Endpoint()]
        try await withServices(service(on: endpoints[0], endpoints[1], maxConnections: maximum)) { services in
            var clients: [TestClient] = []
            for number in 0..<maximum {
                #expect(await services.status().state == .listening)
                clients.append(try endpoints[number % 2].connect(services, sending: "x"))
                #expect(try await clients[number].read(2) == Array("x\n".utf8))
            }
            #expect(await services.status().state == .full)
            let waiting = try endpoints[1].connect(services, sending: "w")
            await settle(services.loop)
            #expect(waiting.pending == .nothing)
            let status = await services.status()
            #expect(status.connections == maximum && status.connectionLimit == maximum)
            #expect(status.connectionsAccepted == maximum)
            #expect(
                services.log.lines("<4>connection limit reached").map { $0.hasSuffix("max_connections=\(maximum)") }
                    == [true])
            #expect(await services.manager.statusLine() == "1 service, \(maximum) connection\(maximum == 1 ? "" : "s")")

            await clients[0].close()
            #expect(try await waiting.read(2) == Array("w\n".utf8))
            #expect(await services.status().state == .full)
            await waiting.close()
            await services.wait { $0.connections == maximum - 1 }
            await settle(services.loop)
            #expect(await services.status().state == .listening)
            for client in clients { await client.close() }
        }
    }

    @Test("with `ignore` a handler's failure is counted and told, and the service goes on")
    func ignore() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint, handler: exitsAsTold)) { services async throws in
            for (line, failures) in [("3", 1), ("0", 1), ("4", 2)] {
                #expect(try await endpoint.answer(services, sending: line) == [])
                await services.wait { $0.connections == 0 && $0.handlerFailures == failures }
            }
            let status = await services.status()
            #expect(status.state == .listening && status.failure == nil)
            #expect(status.connectionsAccepted == 3 && status.connectionsRefused == 0)
            #expect(status.lastError == "the handler exited with code 4")
            let lines = services.log.lines("<6>connection ended")
            #expect(lines.count == 3)
            #expect(lines[0].contains("exit_code=3") && lines[0].contains("pid="))
        }
    }

    @Test("with `raise` a handler's failure closes every address of the service; other connections go on")
    func raise() async throws {
        let tree = try TemporaryTree()
        let (first, second, taken) = try (Endpoint(in: tree), Endpoint(in: tree), Endpoint(in: tree))
        let occupant = taken.occupy()
        try await withServices(
            service(on: first, second, taken, handler: exitsAsTold, onHandlerError: .raise)
        ) { services in
            let other = try second.connect(services)
            await services.wait { $0.connections == 1 }
            #expect(try await first.answer(services, sending: "3") == [])
            await services.wait { $0.state == .closed && $0.listeningTimestamp == nil }
            let status = await services.status()
            #expect(status.connections == 1 && status.handlerFailures == 1)
            #expect(status.lastError == "the handler exited with code 3")
            #expect(
                status.failure?.hasPrefix("closed by on_handler_error = \"raise\": ") == true
                    && status.retryTimestamp == nil)
            for endpoint in [first, second] {
                #expect(throws: Errno.noSuchFileOrDirectory) { try endpoint.connect(services) }
            }
            #expect(
                services.log.lines("<3>the service has closed because a handler failed").map {
                    $0.hasSuffix("error=\"the handler exited with code 3\"")
                } == [true])
            // What was tried again is not any more.
            taken.free(occupant)
            await services.advance(by: .seconds(3600))
            #expect(throws: Errno.noSuchFileOrDirectory) { try taken.connect(services) }

            #expect(other.pending == .nothing)
            try other.write("0\n")
            #expect(try await other.readToEnd() == [])
            await services.wait { $0.connections == 0 }
            await other.close()
        }
        withExtendedLifetime(tree) {}
    }

    @Test("a program that cannot be started for want of something is tried again, and nobody else is accepted")
    func transient() async throws {
        let endpoint = try Endpoint()
        let errors: [Errno] = [.resourceTemporarilyUnavailable, .noMemory, .tooManyOpenFilesInSystem]
        try await withServices(
            service(on: endpoint, handler: shell("echo hello")), spawnFailures: errors
        ) { services in
            let client = try endpoint.connect(services)
            await services.wait { $0.connections == 1 }
            await settle(services.loop)
            let waiting = try endpoint.connect(services)
            for (left, wait) in [(2, 100), (1, 200), (0, 400)] {
                #expect(services.spawns.count == left)
                let status = await services.status()
                #expect(status.connections == 1 && status.connectionsAccepted == 1 && status.handlerFailures == 0)
                #expect(status.state == .listening)
                #expect(status.lastError?.hasSuffix("it is tried again") == true)
                await services.advance(by: .milliseconds(wait - 1))
                #expect(services.spawns.count == left)
                #expect(client.pending == .nothing)
                await services.advance(by: .milliseconds(1))
            }
            #expect(try await client.readToEnd() == Array("hello\n".utf8))
            #expect(try await waiting.readToEnd() == Array("hello\n".utf8))
            await services.wait { $0.connections == 0 && $0.connectionsAccepted == 2 }
            #expect(await services.status().handlerFailures == 0)
            // Three times within a minute are told once.
            let lines = services.log.lines("<4>cannot start the handler now")
            #expect(lines.count == 1)
            #expect(
                lines.first?.contains("error=\"clone: Resource temporarily unavailable (EAGAIN); it is tried again\"")
                    == true)
            #expect(lines.first?.hasSuffix("times=1") == true)
            await client.close()
            await waiting.close()
        }
    }

    @Test("a connection that is closed while its program is tried again ends without one")
    func transientClosed() async throws {
        let endpoint = try Endpoint()
        try await withServices(
            service(on: endpoint, handler: shell("echo hello")), spawnFailures: [.noMemory]
        ) { services in
            let client = try endpoint.connect(services)
            await services.wait { $0.connections == 1 }
            await settle(services.loop)
            await services.manager.endConnections()
            #expect(try await client.readToEnd() == [])
            await services.advance(by: .milliseconds(100))
            await services.wait { $0.connections == 0 }
            #expect(await services.status().handlerFailures == 0)
            await client.close()
        }
    }

    @Test("a program that cannot be started for good ends the connection, with the reason in status and log")
    func final() async throws {
        let endpoint = try Endpoint()
        let missing = ServiceDefinition.Handler.program(ProgramDefinition(path: "/nowhere/x"))
        try await withServices(service(on: endpoint, handler: missing)) { services async throws in
            let reason =
                "execve /nowhere/x: No such file or directory (ENOENT); install the program or correct exec; in a "
                + "script, the interpreter on its first line must exist too"
            func fail(_ count: Int) async throws {
                #expect(try await endpoint.answer(services) == [])
                await services.wait { $0.connections == 0 && $0.handlerFailures == count }
            }
            for count in 1...3 { try await fail(count) }
            #expect(await services.status().lastError == reason)
            await services.advance(by: .seconds(60))
            try await fail(4)
            let lines = services.log.lines("<3>cannot start the handler")
            // Once a minute, with a count.
            #expect(lines.map { $0.hasSuffix("times=1") } == [true, false])
            #expect(lines.map { $0.hasSuffix("times=3") } == [false, true])
            #expect(lines.allSatisfy { $0.contains("error=\"\(reason)\"") && $0.contains("service=test") })
        }
    }

    @Test("a program is told who the peer of a Unix socket is")
    func peer() async throws {
        let endpoint = try Endpoint()
        let handler = shell("echo $PROTO $IPCREMOTEEUID $IPCREMOTEEGID")
        try await withServices(service(on: endpoint, handler: handler)) { services async throws in
            #expect(try await endpoint.answer(services) == Array("IPC \(geteuid()) \(getegid())\n".utf8))
        }
    }

    @Test("while a service's programs cannot be started yet, one batch of clients is accepted")
    func crowded() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint, handler: shell("echo hello"))) { services in
            let spawner = services.manager.context.spawner
            // Nobody else gets a slot.
            let others = try (0..<2).map { try PreparedCommand(HandlerCommand(service: "\($0)", path: "/bin/true")) }
            var slots: [SpawnSlot] = []
            for number in 0..<Spawner.slotCount { slots.append(await spawner.slot(for: others[number % 2])) }
            let clients = try (0..<60).map { _ in try endpoint.connect(services) }
            for _ in 0..<10 { await settle(services.loop) }
            let accepted = await services.status().connectionsAccepted
            #expect(accepted == Spawner.slotCount)
            for slot in slots { spawner.giveBack(slot) }
            for client in clients {
                #expect(try await client.readToEnd() == Array("hello\n".utf8))
                await client.close()
            }
            await services.wait { $0.connectionsAccepted == 60 && $0.connections == 0 }
        }
    }

    @Test("a line that a program did not finish is logged when it has ended")
    func unfinishedLine() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint, handler: shell("printf oops >&2"))) { services async throws in
            #expect(try await endpoint.answer(services) == [])
            await services.wait { $0.connections == 0 && $0.connectionsAccepted == 1 }
            await settle(services.loop)
            #expect(services.log.lines("<5>handler wrote").map { $0.hasSuffix("stderr=oops") } == [true])
        }
    }

    @Test("what a program writes to standard error is logged with its connection")
    func standardError() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint, handler: shell("echo oops >&2"))) { services async throws in
            #expect(try await endpoint.answer(services) == [])
            await services.wait { $0.connections == 0 && $0.connectionsAccepted == 1 }
            await services.manager.drain()
            let line = services.log.lines("<5>handler wrote").first
            #expect(line?.contains("service=test connection=") == true && line?.hasSuffix("stderr=oops") == true)
        }
    }
}
