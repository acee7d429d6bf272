// SPDX-License-Identifier: Apache-2.0
// Reloads that open and close listeners: services come and go, addresses move, and connections go on.

import EventLoops
import Glibc
import ManagerInterface
import SocketServer
import Sockets
import SystemPackage
import TestSupport
import Testing

@testable import Daemon
@testable import ServiceConfig

@Suite("Reload: listeners", .timeLimit(.minutes(5)))
struct ReloadListenerTests {
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

    @Test("a reload is not held up by clients who wait behind the full limit of an address that is given up")
    func queueOfGivenUp() async throws {
        let tree = try TemporaryTree()
        let (given, kept) = (try Endpoint(in: tree), try Endpoint(in: tree))
        let text: @Sendable (String) -> String = { ends in
            "listen = [\(ends)]\nexec = [\"/bin/sh\", \"-c\", 'echo ready; exec cat']\nmax_connections = 1\n"
        }
        let files = ScriptedFiles(["test": text("\(given.text), \(kept.text)")])
        try await withServices(files: files) { services in
            let first = try given.connect(services)
            #expect(try await first.line() == "ready")
            let queued = try given.connect(services)
            files["test"] = text(kept.text)
            files["next"] = builtIn(given)
            let reload = OneShot<Bool>()
            _ = Task(executorPreference: services.loop) {
                try await services.reload()
                reload.fulfil(true)
            }
            while (try? await services.manager.service(named: "next")) == nil { await services.loop.yieldTurn() }
            await settle(services.loop)
            #expect(reload.current == nil)
            await services.advance(by: ServiceManager.reloadPatience)
            #expect(await reload.value())
            // Whoever had connected is served, and then the successor listens.
            await first.close()
            #expect(try await queued.line() == "ready")
            await services.wait("next") { $0.state == .listening }
            let next = try given.connect(services, sending: "x")
            #expect(try await next.line() == "x")
            await queued.close()
            await next.close()
        }
        withExtendedLifetime(tree) {}
    }

    @Test("who is opened by hand while its address is waited for listens once, and stays so")
    func openedMeanwhile() async throws {
        let tree = try TemporaryTree()
        let (given, kept) = (try Endpoint(in: tree), try Endpoint(in: tree))
        let text: @Sendable (Endpoint) -> String = { end in
            script(end, script: "echo ready; exec cat", more: "max_connections = 1")
        }
        let files = ScriptedFiles(["test": text(given)])
        try await withServices(files: files) { services in
            let first = try given.connect(services)
            #expect(try await first.line() == "ready")
            let queued = try given.connect(services)
            files["test"] = text(kept)
            files["next"] = builtIn(given)
            let reload = OneShot<Bool>()
            _ = Task(executorPreference: services.loop) {
                try await services.reload()
                reload.fulfil(true)
            }
            while (try? await services.manager.service(named: "next")) == nil { await services.loop.yieldTurn() }
            await settle(services.loop)
            await services.advance(by: ServiceManager.reloadPatience)
            #expect(await reload.value())
            let next = try await services.manager.service(named: "next")
            #expect(await next.reopen())
            // The file of the one that still serves its queue is gone already.
            #expect(await services.status("next").state == .listening)
            await first.close()
            #expect(try await queued.line() == "ready")
            await services.wait("next") { $0.state == .listening && $0.failure == nil }
            await queued.close()
            await services.advance(by: .seconds(60))
            await settle(services.loop)
            let status = await services.status("next")
            #expect(status.state == .listening && status.failure == nil)
            let client = try given.connect(services, sending: "x")
            #expect(try await client.line() == "x")
            await client.close()
        }
        withExtendedLifetime(tree) {}
    }

    @Test("an address goes from one service to another; the one keeps its connections, the other gets new ones")
    func moved() async throws {
        let tree = try TemporaryTree()
        let (moving, staying) = try (Endpoint(in: tree), Endpoint(in: tree))
        let files = ScriptedFiles([
            "from": script(staying, moving, script: "echo from; exec cat"),
            "to": script(try Endpoint(in: tree), script: "echo to; exec cat"),
        ])
        try await withServices(files: files) { services in
            let old = try moving.connect(services)
            #expect(try await old.line() == "from")
            files["from"] = script(staying, script: "echo from; exec cat")
            files["to"] = script(moving, script: "echo to; exec cat")
            let changes = try await services.reload()
            #expect(changes.services.allSatisfy { $0.dropped.isEmpty })
            let new = try moving.connect(services)
            #expect(try await new.line() == "to")
            try old.write("still here\n")
            #expect(try await old.line() == "still here")
            #expect(await services.status("from").connections == 1)
            #expect(await services.status("from").addresses == [staying.listen.description])
            await old.close()
            await new.close()
            await services.wait("from") { $0.connections == 0 }
            let from = try await services.manager.service(named: "from")
            #expect(await from.formerServers.isEmpty)
        }
        withExtendedLifetime(tree) {}
    }

    @Test("a socket file with another mode is made anew, without losing whom it had")
    func socketMode() async throws {
        let tree = try TemporaryTree()
        let endpoint = try Endpoint(in: tree)
        guard case .unix(.path(let path)) = endpoint.address else { return }
        let files = ScriptedFiles(["test": builtIn(endpoint, named: "echo", more: "socket_mode = \"600\"")])
        try await withServices(files: files) { services in
            let client = try endpoint.connect(services, sending: "x")
            #expect(try await client.line() == "x")
            files["test"] = builtIn(endpoint, named: "echo", more: "socket_mode = \"660\"")
            try await services.reload()
            var status = stat()
            try #require(stat(path, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o660)
            try client.write("y\n")
            #expect(try await client.line() == "y")
            let next = try endpoint.connect(services, sending: "z")
            #expect(try await next.line() == "z")
            await client.close()
            await next.close()
        }
        withExtendedLifetime(tree) {}
    }

    @Test("an address that cannot be bound makes its service fail, not the reload, and is tried again")
    func cannotBind() async throws {
        let tree = try TemporaryTree()
        let (endpoint, taken) = try (Endpoint(in: tree), Endpoint(in: tree))
        let files = ScriptedFiles(["test": builtIn(endpoint)])
        let occupant = taken.occupy()
        try await withServices(files: files) { services in
            files["test"] = builtIn(endpoint, taken)
            try await services.reload()
            #expect(await services.status().state == .failed)
            // It may be given up as well as any other.
            files["test"] = builtIn(endpoint)
            try await services.reload()
            #expect(await services.status().state == .listening)
            files["test"] = builtIn(taken, endpoint)
            try await services.reload()
            #expect(await services.status().addresses == [taken.listen.description, endpoint.listen.description])
            taken.free(occupant)
            await services.advance(by: .seconds(1))
            await services.wait { $0.state == .listening }
            let client = try taken.connect(services, sending: "x")
            #expect(try await client.line() == "x")
            await client.close()
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
