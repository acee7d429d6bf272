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

extension Endpoint {
    /// As `listen` has it.
    var text: String { "\"\(listen)\"" }
}

/// A file of a service that runs a shell script.
func script(_ endpoints: Endpoint..., script: String, more: String = "") -> String {
    let listen = endpoints.map(\.text).joined(separator: ", ")
    return "listen = [\(listen)]\nexec = [\"/bin/sh\", \"-c\", '\(script)']\n\(more)\n"
}

/// A file of a built-in service.
func builtIn(_ endpoints: Endpoint..., named name: String = "echo", more: String = "") -> String {
    let listen = endpoints.map(\.text).joined(separator: ", ")
    return "listen = [\(listen)]\nbuiltin = \"\(name)\"\n\(more)\n"
}

extension Services {
    @discardableResult
    func reload() async throws -> ConfigurationChanges { try await reloader.reload(for: .signal) }

    /// Whether the sockets that a service listens on let descriptors through; nil where the kernel cannot say.
    func passesDescriptors(_ name: String = "test") async -> Bool? {
        let passRights: CInt = 83  // SO_PASSRIGHTS, asm-generic/socket.h of Linux 6.16
        guard let service = await manager.services[name] else { return nil }
        return await service.servers.first?.withListeningSocket { number in
            var value: CInt = 0
            var length = socklen_t(MemoryLayout<CInt>.size)
            return getsockopt(number, SOL_SOCKET, passRights, &value, &length) == 0 ? value != 0 : nil
        } ?? nil
    }

    /// The inodes of the sockets that a service listens on.
    func inodes(_ name: String = "test") async -> [ino_t] {
        guard let service = await manager.services[name] else { return [] }
        return await service.servers.compactMap { server in
            server.withListeningSocket { number in
                var status = stat()
                fstat(number, &status)
                return status.st_ino
            }
        }
    }
}

extension TestClient {
    /// The line that comes next, without its end.
    func line() async throws -> String {
        var all: [UInt8] = []
        while all.last != UInt8(ascii: "\n") {
            let byte = try await read(1)
            if byte.isEmpty { break }
            all += byte
        }
        return String(decoding: all.last == UInt8(ascii: "\n") ? all.dropLast() : all[...], as: UTF8.self)
    }
}

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
            let service = try #require(await services.manager.services["test"])
            #expect(await service.former.programs.count == 1)
            try old.write("bye\n")
            #expect(try await old.line() == "bye")
            #expect(try await old.readToEnd() == [])
            await services.wait { $0.connections == 1 }
            // What it wrote to its standard error is still logged.
            #expect(services.log.lines.contains { $0.contains("old bye") })
            #expect(await service.former.programs.isEmpty)
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
            for ask in [services.reloader.reload(for:), { _ in try await services.reloader.plan() }] {
                let failure = await #expect(throws: ReloadFailure.self) { _ = try await ask(.signal) }
                guard case .invalid(let errors) = failure else { return #expect(Bool(false), "\(failure as Any)") }
                #expect(errors.errors.map(\.file) == ["new.toml", "worse.toml"])
            }
            #expect(await services.inodes() == before)
            #expect(await services.manager.services.keys.sorted() == ["test"])
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
            let plan = try await services.reloader.plan()
            #expect(plan.services.map(\.service) == ["gone", "new", "off"])
            #expect(plan.services.map(\.kind) == [.removed, .added, .changed])
            #expect(plan.services.map(\.dropped) == [[id], [], []])
            #expect(plan.services.map(\.closed) == [[ends[0].listen.description], [], [ends[1].listen.description]])
            #expect(plan.services[1].opened == [ends[2].listen.description])
            #expect(await services.manager.services.keys.sorted() == ["gone", "off"])

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
            let from = try #require(await services.manager.services["from"])
            #expect(await from.former.servers.isEmpty)
        }
        withExtendedLifetime(tree) {}
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
            let service = try #require(await services.manager.services["test"])
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
            #expect(await services.status().state == .closed)
            files["test"] = text("ignore")
            try await services.reload()
            let status = await services.status()
            #expect(status.state == .listening && status.handlerFailures == 1 && status.connectionsAccepted == 1)
            let next = try endpoint.connect(services, sending: "0")
            #expect(try await next.readToEnd() == [])
            await client.close()
            await next.close()
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

extension Services {
    /// Waits until there is no service of this name any more.
    func wait(untilGone name: String) async {
        while true {
            let seen = changeCount
            if await manager.status(of: name) == nil { return }
            await waitForChange(after: seen)
        }
    }
}
