// SPDX-License-Identifier: Apache-2.0
// Services whose handlers keep failing are held back, and go on by themselves.

import EventLoops
import Glibc
import ManagerInterface
import Sockets
import TestSupport
import Testing
import Varlink

@testable import Daemon
@testable import ServiceConfig

/// A program that can be started, or not, as a test wants; it exits with the code that the client sends.
private final class Program: Sendable {
    private let folder = TemporaryFolder()
    private var path: String { folder.file("program") }

    /// It cannot be started.
    init() {
        let number = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o644)
        let script = "#!/bin/sh\nread code; exit $code\n"
        precondition(write(number, script, script.utf8.count) == script.utf8.count, "\(path): \(errno)")
        close(number)
    }

    var handler: ServiceDefinition.Handler { .program(ProgramDefinition(path: path)) }

    func makeStartable(_ isStartable: Bool) { chmod(path, isStartable ? 0o755 : 0o644) }
}

@Suite("Throttling", .timeLimit(.minutes(5)))
struct ServiceThrottlingTests {
    /// Lets handlers fail to start one after the other until `count` have failed in all.
    private static func fail(upTo count: Int, _ endpoint: Endpoint, _ services: Services) async throws {
        while case let failed = await services.status().handlerFailures, failed < count {
            #expect(try await endpoint.answer(services) == [])
            await services.wait { $0.handlerFailures == failed + 1 }
        }
    }

    @Test("after ten failed starts in a row the service is throttled until the time it shows, and goes on by itself")
    func throttled() async throws {
        let endpoint = try Endpoint()
        let program = Program()
        try await withServices(service(on: endpoint, handler: program.handler)) { services in
            try await Self.fail(upTo: 9, endpoint, services)
            #expect(await services.status().state == .listening)
            try await Self.fail(upTo: 10, endpoint, services)
            #expect(await services.status().state == .throttled)
            #expect(await services.goesOn(in: .seconds(1)))
            #expect(await services.manager.statusLine() == "1 service, 0 connections, 1 not serving")

            let waiting = try endpoint.connect(services)
            await services.advance(by: .milliseconds(999))
            #expect(await services.status().connectionsAccepted == 10)
            #expect(await services.status().state == .throttled)
            await services.advance(by: .milliseconds(1))
            #expect(try await waiting.readToEnd() == [])
            await waiting.close()
            // It has not got better: for twice as long.
            await services.wait { $0.handlerFailures == 11 }
            #expect(await services.status().state == .throttled)
            #expect(await services.goesOn(in: .seconds(2)))
            await services.advance(by: .seconds(2))
            #expect(await services.status().state == .listening)
            #expect(await services.status().retryTimestamp == nil)

            // One success forgets all failures.
            program.makeStartable(true)
            #expect(try await endpoint.answer(services, sending: "0") == [])
            await services.wait { $0.connections == 0 }
            program.makeStartable(false)
            try await Self.fail(upTo: 20, endpoint, services)
            #expect(await services.status().state == .listening)
            try await Self.fail(upTo: 21, endpoint, services)
            #expect(await services.status().state == .throttled)
            // Three times within a minute are told once.
            let lines = services.log.lines("<4>handlers cannot be started")
            #expect(lines.count == 1)
            #expect(lines.first?.contains("failures=10 retry_ms=1000 times=1") == true)
        }
    }

    @Test("an operator's resume ends a throttling before its time")
    func resumed() async throws {
        let endpoint = try Endpoint()
        let program = Program()
        try await withServices(service(on: endpoint, handler: program.handler)) { services in
            try await Self.fail(upTo: 10, endpoint, services)
            let waiting = try endpoint.connect(services, sending: "0")
            program.makeStartable(true)
            #expect(await services.status().state == .throttled)
            #expect(try await services.manager.service(named: "test").resume())
            try #require(await services.status().retryTimestamp == nil)
            #expect(try await waiting.readToEnd() == [])
            await services.wait { $0.connectionsAccepted == 11 && $0.connections == 0 }
            await waiting.close()
            // The time at which it would have gone on by itself.
            await services.advance(by: .seconds(1))
            #expect(await services.status().state == .listening)
        }
    }

    @Test("another program is throttled for its own time, whenever the one before would have gone on")
    func replaced() async throws {
        let endpoint = try Endpoint()
        let text: @Sendable (String) -> String = { "listen = \(endpoint.text)\nexec = [\"/nonexistent/\($0)\"]\n" }
        let files = ScriptedFiles(["test": text("one")])
        try await withServices(files: files) { services in
            try await Self.fail(upTo: 10, endpoint, services)
            await services.advance(by: .milliseconds(500))
            #expect(await services.status().state == .throttled)
            files["test"] = text("two")
            try await services.reload()
            #expect(await services.status().state == .listening)
            try await Self.fail(upTo: 20, endpoint, services)
            #expect(await services.goesOn(in: .seconds(1)))
            await services.advance(by: .milliseconds(999))
            #expect(await services.status().state == .throttled)
            await services.advance(by: .milliseconds(1))
            #expect(await services.status().state == .listening)
        }
    }

    @Test("a throttled service takes no caller of the admin socket either")
    func caller() async throws {
        let endpoint = try Endpoint()
        let definition = try service(on: endpoint, handler: Program().handler, allowsConnect: true)
        try await withServices(definition) { services in
            try await Self.fail(upTo: 10, endpoint, services)
            let service = try await services.manager.service(named: "test")
            await #expect(throws: VarlinkError(Manager.WrongState(service: "test", state: .throttled))) {
                _ = try await service.admit(AdminCaller(uid: 0, pid: 1, gid: 0))
            }
            await services.advance(by: .seconds(1))
            _ = try await service.admit(AdminCaller(uid: 0, pid: 1, gid: 0))
        }
    }

    @Test("programs that end without success hold nobody back: their peers may have made them")
    func failedEnds() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint, handler: exitsAsTold)) { services async throws in
            for count in 1...20 {
                #expect(try await endpoint.answer(services, sending: "1") == [])
                await services.wait { $0.handlerFailures == count }
            }
            #expect(await services.status().state == .listening)
        }
    }

    @Test("an address that the service gets while it is throttled is held too")
    func reopened() async throws {
        let tree = try TemporaryTree()
        let (endpoint, taken) = try (Endpoint(), Endpoint(in: tree))
        let program = Program()
        let occupant = taken.occupy()
        try await withServices(service(on: endpoint, taken, handler: program.handler)) { services in
            await services.advance(by: .milliseconds(500))
            try await Self.fail(upTo: 10, endpoint, services)
            taken.free(occupant)
            await services.advance(by: .milliseconds(500))
            await services.wait { $0.failure == nil }
            #expect(await services.status().state == .throttled)
            program.makeStartable(true)
            let client = try taken.connect(services, sending: "0")
            await settle(services.loop)
            #expect(await services.status().connectionsAccepted == 10)
            await services.advance(by: .milliseconds(500))
            #expect(try await client.readToEnd() == [])
            await services.wait { $0.connectionsAccepted == 11 && $0.connections == 0 }
            await client.close()
        }
        withExtendedLifetime(tree) {}
    }

    @Test("a throttled service that drains serves those in its queue")
    func draining() async throws {
        let endpoint = try Endpoint()
        let program = Program()
        try await withServices(service(on: endpoint, handler: program.handler)) { services in
            try await Self.fail(upTo: 10, endpoint, services)
            #expect(await services.status().state == .throttled)
            program.makeStartable(true)
            let waiting = try endpoint.connect(services, sending: "0")
            await services.manager.drain()
            #expect(try await waiting.readToEnd() == [])
            #expect(await services.status().state == .closed)
            #expect(await services.status().connectionsAccepted == 11)
            #expect(await services.status().handlerFailures == 10)
            await waiting.close()
            // The end of the throttling finds nothing to release.
            await services.advance(by: .seconds(60))
        }
    }
}
