// SPDX-License-Identifier: Apache-2.0
// What handlers leave behind: listed without holding a slot, and ended by whatever ends connections.

import EventLoops
import Glibc
import ManagerInterface
import Policy
import SocketServer
import TestSupport
import Testing

@testable import Daemon
@testable import ServiceConfig

@Suite("Lingering", .timeLimit(.minutes(5)))
struct ServiceLingeringTests {
    /// Ends at once, and leaves a process behind whose number it tells.
    private static let leaves = shell("sleep 1000 </dev/null >/dev/null 2>&1 & echo $!")
    /// The same with one that ignores SIGTERM.
    private static let leavesDeaf = shell("(trap '' TERM; exec sleep 1000 </dev/null >/dev/null 2>&1) & echo $!")

    /// Connects, and returns the process that was left behind once the connection has ended.
    private static func leave(_ endpoint: Endpoint, _ services: Services) async throws -> pid_t {
        let client = try endpoint.connect(services)
        let said = String(decoding: try await client.readToEnd(), as: UTF8.self)
        await client.close()
        await services.wait { $0.connections == 0 }
        return try #require(pid_t(said.filter(\.isNumber)))
    }

    private static func connections(_ services: Services) async throws -> [ConnectionStatus] {
        try await services.manager.listConnections(ConnectionFilter(), usage: false).connections
    }

    /// Waits until none is listed.
    private static func nothingListed(_ services: Services) async throws {
        while true {
            let seen = services.changeCount
            if try await connections(services).isEmpty { return }
            await services.waitForChange(after: seen)
        }
    }

    private static func isGone(_ pid: pid_t) -> Bool { kill(pid, 0) != 0 && errno == ESRCH }

    @Test("what a handler leaves behind is listed as lingering, without a slot, until it ends by itself")
    func listed() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint, handler: Self.leaves, maxConnections: 1)) { services in
            let first = try await Self.leave(endpoint, services)
            let second = try await Self.leave(endpoint, services)
            let listed = try await Self.connections(services)
            #expect(listed.map(\.state) == [.lingering, .lingering] && listed.allSatisfy { $0.pid == nil })
            let filter = ConnectionFilter(state: .lingering)
            let chosen = try await services.manager.listConnections(filter, usage: true).connections
            #expect(chosen == listed)
            let described = try await services.manager.describe(connection: listed[0].id)
            #expect(described.connection == listed[0] && described.command?.first == "/bin/sh")
            let status = await services.status()
            #expect(status.connections == 0 && status.state == .listening)
            for pid in [first, second] { #expect(kill(pid, SIGKILL) == 0) }
            try await Self.nothingListed(services)
        }
    }

    @Test("closing the service ends it, and counts it once", arguments: [false, true])
    func closed(isDeaf: Bool) async throws {
        let endpoint = try Endpoint()
        let handler = isDeaf ? Self.leavesDeaf : Self.leaves
        try await withServices(service(on: endpoint, handler: handler)) { services in
            let pid = try await Self.leave(endpoint, services)
            let closing = try await services.manager.close(
                .init(service: "test", existing: .stop, deadline: 7_000_000))
            if isDeaf {
                await settle(services.loop)
                await services.advance(by: .milliseconds(6999))
                let isFinished = await closing.isFinished
                #expect(!isFinished && !Self.isGone(pid))
                await services.advance(by: .milliseconds(1))
            }
            await closing.finished()
            let progress = await closing.progress
            #expect(progress.stopped == (isDeaf ? 0 : 1) && progress.killed == (isDeaf ? 1 : 0))
            #expect(progress.lingering == 0 && progress.ended == 0)
            try await Self.nothingListed(services)
        }
    }

    @Test("a service that is closed with its connections kept leaves it alone")
    func kept() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint, handler: Self.leaves)) { services in
            let pid = try await Self.leave(endpoint, services)
            let closing = try await services.manager.close(.init(service: "test"))
            await closing.finished()
            #expect(!Self.isGone(pid))
            let states = try await Self.connections(services).map(\.state)
            #expect(states == [.lingering])
        }
    }

    @Test("it can be ended by its connection's id")
    func byID() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint, handler: Self.leaves)) { services in
            _ = try await Self.leave(endpoint, services)
            let listed = try await Self.connections(services)
            let id = try #require(listed.first?.id)
            await (try services.manager.close(.init(id: id))).finished()
            try await Self.nothingListed(services)
        }
    }

    @Test("a connection that ends by itself while its service closes is counted when what it left behind is gone")
    func duringGrace() async throws {
        let endpoint = try Endpoint()
        let handler = shell("echo ready; read x; sleep 1000 </dev/null >/dev/null 2>&1 &")
        try await withServices(service(on: endpoint, handler: handler)) { services in
            let client = try endpoint.connect(services)
            #expect(try await client.read(6) == Array("ready\n".utf8))
            let closing = try await services.manager.close(
                .init(service: "test", existing: .stop, grace: 5_000_000, deadline: 7_000_000))
            try client.write("go\n")
            #expect(try await client.readToEnd() == [])
            await services.wait { $0.connections == 0 }
            let open = await closing.progress.open
            #expect(open == 1)
            await services.advance(by: .seconds(5))
            await closing.finished()
            let progress = await closing.progress
            #expect(progress.stopped == 1 && progress.ended == 0 && progress.lingering == 0)
            await client.close()
        }
    }

    @Test("no more are followed than there are descriptors for")
    func limited() async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint, handler: Self.leaves)) { services in
            var pids: [pid_t] = []
            for _ in 0..<LingeringConnection.limit - 1 { pids.append(try await Self.leave(endpoint, services)) }
            let followed = try await Self.connections(services).count
            #expect(followed == LingeringConnection.limit - 1)
            for _ in 0..<2 {
                pids.append(try await Self.leave(endpoint, services))
                let followed = try await Self.connections(services).count
                #expect(followed == LingeringConnection.limit)
            }
            for pid in pids { kill(pid, SIGKILL) }
            try await Self.nothingListed(services)
        }
    }
}
