// SPDX-License-Identifier: Apache-2.0
// Reloads of running services: which listeners and connections go on, which definitions hold for whom.

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

@Suite("Reload", .timeLimit(.minutes(5)))
struct ReloadTests {
    @Test("another program serves new connections on the same socket; the old one goes on, and is then closed")
    func program() async throws {
        let endpoint = try Endpoint()
        let files = ScriptedFiles(["test": script(endpoint, script: "echo old; read x; echo old \"$x\" >&2; echo $x")])
        try await withServices(files: files) { services in
            let before = await services.inodes()
            let old = try endpoint.connect(services)
            #expect(try await old.line() == "old")
            let replaced = try #require(try await services.manager.service(named: "test").handling.program)
            files["test"] = script(endpoint, script: "echo new; exec cat")
            let changes = try await services.reload()
            #expect(changes.services.map(\.kind) == [.changed] && changes.services[0].settings.map(\.key) == ["exec"])
            let new = try endpoint.connect(services)
            #expect(try await new.line() == "new")
            #expect(await services.inodes() == before)
            #expect(await services.status().connections == 2)
            let described = try await services.manager.listConnections(.init(), usage: true).connections
            #expect(described.count == 2 && described.allSatisfy { $0.state == .serving && $0.pid != nil })
            for (id, word) in zip(described.map(\.id), ["old", "new"]) {
                let command = try await services.manager.describe(connection: id).command
                #expect(command?.last?.hasPrefix("echo \(word)") == true)
            }
            #expect(!replaced.isClosed)
            try old.write("bye\n")
            #expect(try await old.line() == "bye")
            #expect(try await old.readToEnd() == [])
            await services.wait { $0.connections == 1 }
            // What it wrote to its standard error is still logged.
            #expect(services.log.lines.contains { $0.contains("old bye") })
            #expect(replaced.isClosed)
            await old.close()
            await new.close()
        }
    }

    @Test("from a program to a built-in and back on the same socket")
    func kinds() async throws {
        let endpoint = try Endpoint()
        let files = ScriptedFiles(["test": script(endpoint, script: "echo program; exec cat")])
        try await withServices(files: files) { services in
            let before = await services.inodes()
            let first = try endpoint.connect(services)
            #expect(try await first.line() == "program")
            #expect(await services.passesDescriptors() != false)
            files["test"] = builtIn(endpoint)
            try await services.reload()
            let second = try endpoint.connect(services, sending: "echo")
            #expect(try await second.line() == "echo")
            #expect(await services.passesDescriptors() != true)
            files["test"] = script(endpoint, script: "echo again; exec cat")
            try await services.reload()
            let third = try endpoint.connect(services)
            #expect(try await third.line() == "again")
            #expect(await services.passesDescriptors() != false)
            for client in [first, second, third] {
                try client.write("still here\n")
                #expect(try await client.line() == "still here")
            }
            #expect(await services.inodes() == before)
            let connections = try await services.manager.listConnections(.init(), usage: false).connections
            #expect(connections.map { $0.pid != nil } == [true, false, true])
            #expect(connections.allSatisfy { $0.state == .serving })
            for client in [first, second, third] { await client.close() }
            await services.wait { $0.connections == 0 }
            #expect(services.log.lines("<6>connection ended").count == 3)
        }
    }

    @Test("a configuration with mistakes changes nothing, and all mistakes are told and logged")
    func invalid() async throws {
        let (endpoint, other) = try (Endpoint(), Endpoint())
        let files = ScriptedFiles(["test": builtIn(endpoint)])
        try await withServices(files: files) { services in
            files["test"] = builtIn(endpoint, named: "discard")
            files["new"] = builtIn(other, named: "echo", more: "max_conections = 5")
            files["worse"] = "listen = 70000\nbuiltin = \"echo\"\n"
            let before = await services.inodes()
            for asksForPlan in [false, true] {
                let failure = await #expect(throws: ReloadFailure.self) {
                    _ = asksForPlan ? try await services.reloader.plan().changes : try await services.reload()
                }
                guard case .invalid(let errors) = failure else { return #expect(Bool(false), "\(failure as Any)") }
                #expect(errors.errors.map(\.file) == ["new.toml", "worse.toml"])
            }
            #expect(await services.inodes() == before)
            #expect(await services.manager.services.keys.map(\.description).sorted() == ["test"])
            let client = try endpoint.connect(services, sending: "echo")
            #expect(try await client.line() == "echo")
            await client.close()
            let mistakes = services.log.lines("<3>mistake in the configuration")
            #expect(mistakes.count == 2 && mistakes[0].contains("file=new.toml"))
            #expect(services.log.lines("<3>not reloaded: the configuration has mistakes").count == 1)
            // Nothing stands in the way of the next one.
            files["new"] = nil
            files["worse"] = nil
            try await services.reload()
            #expect(services.log.lines("<5>reloaded").map { $0.contains("changed=1 ") } == [true])
        }
    }

    @Test("a limit and a backlog change at once, and what an operator has set ends with a change")
    func limits() async throws {
        let endpoint = try Endpoint()
        let files = ScriptedFiles(["test": builtIn(endpoint, named: "echo", more: "max_connections = 1")])
        try await withServices(files: files) { services in
            let before = await services.inodes()
            let first = try endpoint.connect(services, sending: "1")
            #expect(try await first.line() == "1")
            let second = try endpoint.connect(services, sending: "2")
            await services.wait { $0.state == .full }
            files["test"] = builtIn(endpoint, named: "echo", more: "max_connections = 2\nbacklog = 7")
            try await services.reload()
            #expect(try await second.line() == "2")
            #expect(await services.inodes() == before)
            let service = try await services.manager.service(named: "test")
            await service.setLimit(5)
            try await services.reload()
            #expect(await services.status().connectionLimit == 5)
            files["test"] = builtIn(endpoint, named: "echo", more: "max_connections = 2")
            try await services.reload()
            #expect(await services.status().connectionLimit == 2)
            await first.close()
            await second.close()
        }
    }

    @Test("the daemon's own settings change at once")
    func settings() async throws {
        let files = ScriptedFiles(["test": builtIn(try Endpoint())])
        try await withServices(files: files) { services in
            files.main = "drain_timeout = \"7s\"\nadmin_read = [\"50\"]\n"
            let changes = try await services.reload()
            #expect(changes.settings.map(\.key) == ["drain_timeout", "admin_read"] && changes.unchanged == 1)
            let settings = services.manager.context.settings.value
            #expect(settings.drainTimeout == .seconds(7) && settings.access.readers.map(\.gid) == [50])
        }
    }

    @Test("`raise` and `ignore` change at once, and a service that had closed opens again with its next change")
    func raise() async throws {
        let tree = try TemporaryTree()
        let endpoint = try Endpoint(in: tree)
        let text = { @Sendable (policy: String) in
            script(endpoint, script: "read code; exit $code", more: "on_handler_error = \"\(policy)\"")
        }
        let files = ScriptedFiles(["test": text("ignore")])
        try await withServices(files: files) { services in
            let client = try endpoint.connect(services)
            files["test"] = text("raise")
            try await services.reload()
            try client.write("1\n")
            #expect(try await client.readToEnd() == [])
            await services.wait { $0.state == .closed }
            // Unchanged it stays as it is.
            #expect(try await services.reload().unchanged == 1)
            let closed = await services.status()
            #expect(closed.state == .closed)
            #expect(closed.failure == "closed by on_handler_error = \"raise\": the handler exited with code 1")
            files["test"] = text("ignore")
            try await services.reload()
            let status = await services.status()
            #expect(status.failure == nil)
            #expect(status.state == .listening && status.handlerFailures == 1 && status.connectionsAccepted == 1)
            let next = try endpoint.connect(services, sending: "0")
            #expect(try await next.readToEnd() == [])
            await client.close()
            await next.close()
        }
        withExtendedLifetime(tree) {}
    }

    @Test("a program that could not be started and is mended by a reload is not held back any more")
    func throttled() async throws {
        let endpoint = try Endpoint()
        let files = ScriptedFiles(["test": "listen = \(endpoint.text)\nexec = [\"/nonexistent\"]\n"])
        try await withServices(files: files) { services in
            for _ in 0..<10 { _ = try await endpoint.connect(services).answer() }
            await services.wait { $0.state == .throttled }
            let client = try endpoint.connect(services)
            files["test"] = script(endpoint, script: "echo mended")
            try await services.reload()
            #expect(try await client.line() == "mended")
            await client.close()
        }
    }
}
