// SPDX-License-Identifier: Apache-2.0
// Services that begin to listen, cannot, try again, or take over what they were handed.

import Descriptors
import EventLoops
import Glibc
import ManagerInterface
import Policy
import Sockets
import SystemPackage
import Systemd
import TestSupport
import Testing

@testable import Daemon
@testable import ServiceConfig

@Suite("Opening services", .timeLimit(.minutes(5)))
struct ServiceOpeningTests {
    static func expectEcho(_ endpoint: Endpoint, _ services: Services) async throws {
        let client = try endpoint.connect(services, sending: "x")
        #expect(try await client.read(2) == Array("x\n".utf8))
        await client.close()
    }

    static func inherited(_ entries: (name: String, descriptor: OwnedDescriptor)...) -> InheritedSockets {
        // A descriptor has one owner: the daemon's is a copy.
        let copies = entries.map { (name: $0.name, number: fcntl($0.descriptor.number, F_DUPFD_CLOEXEC, 3)) }
        for entry in entries { entry.descriptor.close() }
        return InheritedSockets(InheritedDescriptors(adopting: copies))
    }

    @Test("an address that is taken makes its service failed, with the reason, while others serve")
    func taken() async throws {
        let (taken, free, other) = try (Endpoint(), Endpoint(), Endpoint())
        let occupant = taken.occupy()
        try await withServices(service(on: free, taken), service("other", on: other)) { services in
            let status = await services.status()
            #expect(status.state == .failed)
            #expect(status.failure == "cannot bind \(taken.listen): Address already in use (EADDRINUSE)")
            #expect(status.lastError == status.failure && status.lastErrorTimestamp != nil)
            #expect(status.addresses == ["\(free.listen)", "\(taken.listen)"])
            #expect(await services.goesOn(in: .seconds(1)))
            // One of its addresses it has: there it serves.
            #expect(status.listeningTimestamp != nil)
            try await Self.expectEcho(free, services)
            #expect(await services.status("other").state == .listening)
            try await Self.expectEcho(other, services)
            #expect(await services.manager.statusLine().hasSuffix(", 1 not serving"))
        }
        occupant.close()
    }

    @Test("a socket file that somebody removes or replaces is told, until the service is opened anew")
    func fileGone() async throws {
        let tree = try TemporaryTree()
        let (first, second) = try (Endpoint(in: tree), Endpoint(in: tree))
        try await withServices(service(on: first, second)) { services in
            #expect(await services.status().unreachable == nil)
            guard case .unix(.path(let path)) = first.address else { return #expect(Bool(false)) }
            try #require(unlink(path) == 0)
            #expect(await services.status().unreachable == [first.listen.description])
            #expect(await services.status().state == .listening)
            let other = first.occupy()
            #expect(await services.status().unreachable == [first.listen.description])
            first.free(other)

            let closing = try await services.manager.close(Manager.CloseService.Parameters(service: "test"))
            await closing.finished()
            #expect(await services.status().unreachable == nil)
            #expect(try await services.manager.service(named: "test").reopen())
            #expect(await services.status().unreachable == nil)
            try await Self.expectEcho(first, services)
        }
        withExtendedLifetime(tree) {}
    }

    @Test("a socket file is gone when there is none at its path, or another; not when that cannot be seen")
    func gone() throws {
        let tree = try TemporaryTree()
        try #require(symlink("loop", "\(tree.path)/loop") == 0)
        for (path, isGone) in [("none", true), ("none/file", true), ("loop/file", false)] {
            #expect(UnixSocketFile(path: "\(tree.path)/\(path)", device: 0, inode: 0).isGone == isGone, "\(path)")
        }
    }

    @Test("a taken address is tried again after 1 s, doubling to 30 s, until it is free")
    func retries() async throws {
        let tree = try TemporaryTree()
        let endpoint = try Endpoint(in: tree)
        let occupant = endpoint.occupy()
        try await withServices(service(on: endpoint)) { services in
            #expect(await services.status().listeningTimestamp == nil)
            for wait in [1, 2, 4, 8, 16, 30, 30] {
                #expect(await services.goesOn(in: .seconds(wait)))
                await services.advance(by: .seconds(wait) - .milliseconds(1))
                #expect(await services.goesOn(in: .milliseconds(1)))
                await services.advance(by: .milliseconds(1))
            }
            endpoint.free(occupant)
            await services.advance(by: .seconds(30))
            await services.wait { $0.state == .listening }
            let status = await services.status()
            #expect(status.failure == nil && status.retryTimestamp == nil && status.listeningTimestamp != nil)
            // What is over is still told.
            #expect(status.lastError?.contains("another process listens there") == true)
            try await Self.expectEcho(endpoint, services)
            // The same reason again is no news.
            #expect(
                services.log.lines("<3>cannot listen") == [
                    "<3>cannot listen; it is tried again service=test "
                        + "error=\"cannot bind \(endpoint.listen): Address already in use (EADDRINUSE); "
                        + "another process listens there\""
                ])
            #expect(services.log.lines("<5>listening") == ["<5>listening service=test address=\(endpoint.listen)"])
        }
        withExtendedLifetime(tree) {}
    }

    @Test("a service that is opened again is opening until it listens")
    func openedAgain() async throws {
        let tree = try TemporaryTree()
        try await withServices(service(on: Endpoint(in: tree))) { services in
            await (try services.manager.close(.init(service: "test"))).finished()
            let service = try await services.manager.service(named: "test")
            #expect(await service.beginAnew())
            #expect(await services.status().state == .opening)
            await service.listenAgain()
            #expect(await services.status().state == .listening)
        }
        withExtendedLifetime(tree) {}
    }

    @Test("a socket that was not handed over fails its service for good, and says how it could be")
    func notInherited() async throws {
        let listen = [try ListenAddress.inherited("git")]
        try await withServices(service(listening: listen)) { services in
            await services.advance(by: .seconds(3600))
            let status = await services.status()
            #expect(status.state == .failed && status.retryTimestamp == nil)
            #expect(status.addresses == ["fd:git"])
            #expect(
                status.failure == "no socket named \"git\" was handed over; start serverd from a .socket unit with "
                    + "FileDescriptorName=git, or with systemd-socket-activate --fdname=git")
            #expect(services.log.lines("<3>cannot listen; it is not tried again service=test").count == 1)
        }
    }

    @Test("a service listens on every socket of its name, and is told which are none")
    func inherited() async throws {
        let (first, second, datagram) = try (Endpoint(), Endpoint(), Endpoint())
        let sockets = Self.inherited(
            ("git", first.occupy()), ("git", datagram.occupy(kind: SOCK_DGRAM)), ("git", second.occupy()))
        try await withServices(
            service(listening: [.inherited("git")]), inherited: sockets
        ) { services in
            try await Self.expectEcho(first, services)
            try await Self.expectEcho(second, services)
            let status = await services.status()
            #expect(status.addresses == ["\(first.listen)", "\(second.listen)", "fd:git"])
            #expect(status.state == .failed)
            #expect(status.failure?.contains("expected a listening or bound TCP or Unix stream socket") == true)
        }
    }

    @Test("an inherited descriptor that no service claims is closed and reported")
    func unclaimed() async throws {
        let endpoint = try Endpoint()
        let pipe = makePipe()
        try await withServices(
            service(on: endpoint), inherited: Self.inherited(("forgotten", pipe.writing))
        ) { services in
            let line = services.log.lines("<4>closed an inherited descriptor that no service claims").first
            #expect(line?.contains("name=forgotten") == true)
            // Nobody has it open.
            let readiness = Readiness(pipe.reading.number, on: services.loop)
            #expect(await readiness.wait(for: .read) == .ready)
            readiness.close()
            var byte: UInt8 = 0
            #expect(read(pipe.reading.number, &byte, 1) == 0)
            #expect(await services.status().state == .listening)
        }
        pipe.reading.close()
    }

    @Test("a service that is not enabled is not opened")
    func disabled() async throws {
        let (off, on) = try (Endpoint(), Endpoint())
        try await withServices(service("off", on: off, isEnabled: false), service("on", on: on)) { services in
            #expect(await services.manager.status(of: "off") == nil)
            #expect(await services.manager.status(of: nil)?.services.map(\.name) == ["on"])
            #expect(throws: Errno.connectionRefused) { try off.connect(services) }
        }
    }

    @Test("services are shown in the order of their names, one by its own, and the nearest is found")
    func names() async throws {
        let endpoints = try (0..<3).map { _ in try Endpoint() }
        try await withServices(
            service("rsync", on: endpoints[0]), service("git", on: endpoints[1]), service("http", on: endpoints[2])
        ) { services in
            let all = try #require(await services.manager.status(of: nil))
            #expect(all.services.map(\.name) == ["git", "http", "rsync"])
            #expect(all.daemon.state == .running && all.daemon.version == Version.text)
            #expect(all.daemon.pid == getpid())
            #expect(await services.manager.status(of: "git")?.services.map(\.name) == ["git"])
            #expect(await services.manager.status(of: "gti") == nil)
            #expect(await services.manager.nearestName(to: "gti") == "git")
            #expect(await services.manager.nearestName(to: "smtp-relay") == nil)
            #expect(await services.manager.statusLine() == "3 services, 0 connections")
            let client = try endpoints[0].connect(services)
            await services.wait("rsync") { $0.connections == 1 }
            #expect(await services.manager.statusLine() == "3 services, 1 connection")
            await client.close()
        }
    }

    @Test("a service that is closed at any moment of its opening listens no more when that is done", arguments: 0..<16)
    func closedWhileOpening(jobs: Int) async throws {
        let tree = try TemporaryTree()
        let endpoint = try Endpoint(in: tree)
        try await withServices(service(on: endpoint)) { services in
            let service = try await services.manager.service(named: "test")
            await (try services.manager.close(.init(service: "test"))).finished()
            let opening = Task(executorPreference: services.loop) { await service.reopen() }
            for _ in 0..<jobs { await Task.yield() }
            await (try services.manager.close(.init(service: "test"))).finished()
            let client = try? endpoint.connect(services)
            // Or it is opened after that.
            let isOpen = await service.phase.isOpen
            #expect(client == nil || isOpen)
            await client?.close()
            _ = await opening.value
        }
        withExtendedLifetime(tree) {}
    }

    @Test("a service that waits for an address of another one is closed at once, and does not listen there later")
    func closedWhileWaiting() async throws {
        let tree = try TemporaryTree()
        let endpoint = try Endpoint(in: tree)
        let full = { (name: String) in
            "listen = [\(endpoint.text)]\nexec = [\"/bin/sh\", \"-c\", 'echo \(name); exec cat']\nmax_connections = 1\n"
        }
        let files = ScriptedFiles(["test": full("test")])
        try await withServices(files: files) { services in
            let first = try endpoint.connect(services)
            #expect(try await first.line() == "test")
            let queued = try endpoint.connect(services)
            files["test"] = nil
            files["next"] = builtIn(endpoint)
            let reload = Task(executorPreference: services.loop) { try await services.reload() }
            while await services.manager.status(of: "next") == nil { await services.loop.yieldTurn() }
            await (try services.manager.close(.init(service: "next"))).finished()
            #expect(await services.status("next").state == .closed)
            await first.close()
            #expect(try await queued.line() == "test")
            await queued.close()
            await services.wait(untilGone: "test")
            _ = try await reload.value
            #expect(throws: Errno.noSuchFileOrDirectory) { try endpoint.connect(services) }
        }
        withExtendedLifetime(tree) {}
    }
}
