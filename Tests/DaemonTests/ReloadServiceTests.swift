// SPDX-License-Identifier: Apache-2.0
// Reloads with which services come, go and come again, whatever operators have told them, and connections go on.

import EventLoops
import ManagerInterface
import SocketServer
import Sockets
import SystemPackage
import TestSupport
import Testing

@testable import Daemon
@testable import ServiceConfig

@Suite("Reload: services", .timeLimit(.minutes(5)))
struct ReloadServiceTests {
    @Test("added services listen; removed and disabled ones drain, and those whom they have are told before")
    func addedAndRemoved() async throws {
        let ends = try (0..<3).map { _ in try Endpoint() }
        let files = ScriptedFiles(
            ["gone": script(ends[0], script: "echo ready; exec cat"), "off": builtIn(ends[1])],
            main: "drain_timeout = \"20s\"\n")
        try await withServices(files: files) { services in
            let client = try ends[0].connect(services)
            #expect(try await client.line() == "ready")
            let id = try #require(try await services.manager.listConnections(.init(), usage: false).connections.first)
                .id
            files["gone"] = nil
            files["off"] = builtIn(ends[1], named: "echo", more: "enabled = false")
            files["new"] = builtIn(ends[2])
            let plan = try await services.reloader.plan().changes
            #expect(plan.services.map(\.service) == ["gone", "new", "off"])
            #expect(plan.services.map(\.kind) == [.removed, .added, .changed])
            #expect(plan.services.map(\.dropped) == [[id], [], []])
            #expect(plan.services.map(\.closed) == [[ends[0].listen.description], [], [ends[1].listen.description]])
            #expect(plan.services[1].opened == [ends[2].listen.description])
            #expect(await services.manager.services.keys.map(\.description).sorted() == ["gone", "off"])

            #expect(try await services.reload() == plan)
            let new = try ends[2].connect(services, sending: "x")
            #expect(try await new.line() == "x")
            #expect(throws: Errno.connectionRefused) { try ends[0].connect(services) }
            #expect(throws: Errno.connectionRefused) { try ends[1].connect(services) }
            #expect(await services.status("gone").state == .draining)
            #expect(await services.status("gone").connections == 1)
            #expect(await services.manager.status(of: "off") == nil)
            #expect(try await services.manager.listConnections(.init(), usage: false).connections.count == 2)
            try client.write("still here\n")
            #expect(try await client.line() == "still here")
            // Its grace is that of the configuration.
            await services.advance(by: .milliseconds(19_999))
            #expect(client.pending == .nothing)
            await services.advance(by: .milliseconds(1))
            #expect(try await client.readToEnd() == [])
            await services.wait(untilGone: "gone")
            await client.close()
            await new.close()
        }
    }

    @Test("a service that is added again while its predecessor drains listens, and both are counted")
    func addedAgain() async throws {
        let tree = try TemporaryTree()
        let endpoint = try Endpoint(in: tree)
        let text = script(endpoint, script: "echo ready; exec cat")
        let files = ScriptedFiles(["test": text])
        try await withServices(files: files) { services in
            let first = try endpoint.connect(services)
            #expect(try await first.line() == "ready")
            files["test"] = nil
            try await services.reload()
            files["test"] = text
            try await services.reload()
            let second = try endpoint.connect(services)
            #expect(try await second.line() == "ready")
            let status = await services.status()
            #expect(status.state == .listening && status.connections == 2)
            #expect(
                try await services.manager.listConnections(.init(service: "test"), usage: false).connections.count == 2)
            try first.write("still here\n")
            #expect(try await first.line() == "still here")
            await first.close()
            await services.wait { $0.connections == 1 }
            await second.close()
        }
        withExtendedLifetime(tree) {}
    }

    @Test("a service that an operator has closed opens with its next change, and keeps the connections that were kept")
    func closed() async throws {
        let tree = try TemporaryTree()
        let endpoint = try Endpoint(in: tree)
        let files = ScriptedFiles(["test": script(endpoint, script: "echo old; exec cat")])
        try await withServices(files: files) { services in
            let old = try endpoint.connect(services)
            #expect(try await old.line() == "old")
            let closing = try await services.manager.close(Manager.CloseService.Parameters(service: "test"))
            await closing.finished()
            #expect(try await services.reload().unchanged == 1)
            #expect(await services.status().state == .closed)

            files["test"] = script(endpoint, script: "echo new; exec cat")
            #expect(try await services.reload().services.map(\.dropped) == [[]])
            let new = try endpoint.connect(services)
            #expect(try await new.line() == "new")
            try old.write("still here\n")
            #expect(try await old.line() == "still here")
            #expect(await services.status().connections == 2)
            await old.close()
            await services.wait { $0.connections == 1 }
            await new.close()
        }
        withExtendedLifetime(tree) {}
    }

    @Test(
        "a service that drains by an operator's word goes on draining, and one of its name begins with its next change")
    func draining() async throws {
        let tree = try TemporaryTree()
        let endpoint = try Endpoint(in: tree)
        let files = ScriptedFiles(["test": script(endpoint, script: "echo old; exec cat")])
        try await withServices(files: files) { services in
            let old = try endpoint.connect(services)
            #expect(try await old.line() == "old")
            let call = Manager.CloseService.Parameters(service: "test", existing: .stop, grace: 20_000_000)
            let closing = try await services.manager.close(call)
            await services.wait { $0.state == .draining }
            files["test"] = script(endpoint, script: "echo new; exec cat")
            try await services.reload()
            let new = try endpoint.connect(services)
            #expect(try await new.line() == "new")
            let status = await services.status()
            #expect(status.state == .listening && status.connections == 2 && status.connectionsAccepted == 2)
            await services.advance(by: .seconds(20))
            #expect(try await old.readToEnd() == [])
            await closing.finished()
            await services.wait { $0.connections == 1 }
            try new.write("still here\n")
            #expect(try await new.line() == "still here")
            await old.close()
            await new.close()
        }
        withExtendedLifetime(tree) {}
    }
}
