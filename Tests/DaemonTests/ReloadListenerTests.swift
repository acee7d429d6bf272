// SPDX-License-Identifier: Apache-2.0
// Reloads that open and close listeners: addresses move, are given up and waited for, and connections go on.

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
    @Test("a reload is not held up by clients who wait behind the full limit of an address that is given up")
    func queueOfGivenUp() async throws {
        try await withAwaitedAddress { given in
            let services = given.services
            #expect(given.reply.current == nil)
            await services.advance(by: ServiceManager.reloadPatience)
            _ = await given.reply.value()
            // Whoever had connected is served, and then the successor listens.
            await given.first.close()
            #expect(try await given.queued.line() == "ready")
            await services.wait("next") { $0.state == .listening }
            let next = try given.address.connect(services, sending: "x")
            #expect(try await next.line() == "x")
            await given.queued.close()
            await next.close()
        }
    }

    @Test("who is opened by hand while its address is waited for listens once, and stays so")
    func openedMeanwhile() async throws {
        try await withAwaitedAddress { given in
            let services = given.services
            await services.advance(by: ServiceManager.reloadPatience)
            _ = await given.reply.value()
            let next = try await services.manager.service(named: "next")
            #expect(await next.reopen())
            // The file of the one that still serves its queue is gone already.
            #expect(await services.status("next").state == .listening)
            await given.first.close()
            #expect(try await given.queued.line() == "ready")
            await services.wait("next") { $0.state == .listening && $0.failure == nil }
            await given.queued.close()
            await services.advance(by: .seconds(60))
            await settle(services.loop)
            let status = await services.status("next")
            #expect(status.state == .listening && status.failure == nil)
            let client = try given.address.connect(services, sending: "x")
            #expect(try await client.line() == "x")
            await client.close()
        }
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

    @Test("an inherited socket that is given up again before its next service has got it is closed, and stays so")
    func inheritedGivenUpAgain() async throws {
        let tree = try TemporaryTree()
        let (web, old, new) = try (Endpoint(in: tree), Endpoint(in: tree), Endpoint(in: tree))
        let text = { @Sendable (addresses: [String]) in
            "listen = [\(addresses.joined(separator: ", "))]\nexec = [\"/bin/cat\"]\nmax_connections = 1\n"
        }
        let files = ScriptedFiles(["old": text([old.text, "\"fd:web\""]), "new": text([new.text])])
        let inherited = ServiceOpeningTests.inherited(("web", web.occupy()))
        try await withServices(files: files, inherited: inherited) { services in
            let first = try web.connect(services, sending: "x")
            #expect(try await first.line() == "x")
            // There is one place: as long as somebody waits for it the address is not closed, and nobody else has it.
            let queued = try web.connect(services, sending: "y")
            files["old"] = text([old.text])
            files["new"] = text([new.text, "\"fd:web\""])
            let service = try await services.manager.service(named: "new")
            try await services.reload { await service.listeners.count == 2 }
            let opening = try #require(await service.listeners.last?.opening)
            files["new"] = text([new.text])
            try await services.reload { await service.listeners.count == 1 }
            await first.close()
            #expect(try await queued.line() == "y")
            await opening.value
            try #require(await service.listeners.map(\.shownAddress) == [new.listen.description])
            // What a program of another test is being started from at this moment has a copy of it.
            while let client = try? web.connect(services) { await client.close() }
            #expect(throws: Errno.connectionRefused) { try web.connect(services) }
            await queued.close()
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
}
