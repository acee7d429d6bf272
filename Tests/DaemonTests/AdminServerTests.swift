// SPDX-License-Identifier: Apache-2.0
// The admin socket: its lock, its file, and what it answers.

import Descriptors
import EventLoops
import Glibc
import ManagerInterface
import Policy
import Sockets
import SystemPackage
import TestSupport
import Testing

@testable import Daemon
@testable import ServiceConfig

@Suite("AdminServer", .timeLimit(.minutes(5)))
struct AdminServerTests {
    /// A path for an admin socket, in a directory of its own.
    struct Place {
        let tree: TemporaryTree
        let path: String

        init() throws {
            tree = try TemporaryTree()
            path = tree.path + "/admin"
        }
    }

    static func call(_ path: String, _ message: String, _ services: Services) async throws -> String {
        let client = try TestClient.connect(to: .unix(.path(path)), on: services.loop)
        let reply = try await call(client, message)
        await client.close()
        return reply
    }

    static func call(_ client: TestClient, _ message: String) async throws -> String {
        try client.write(message + "\0")
        var reply: [UInt8] = []
        while reply.last != 0 {
            let bytes = try await client.socket.receive(upTo: 65_536)
            if bytes.isEmpty { break }
            reply += bytes
        }
        return String(decoding: reply.dropLast(), as: UTF8.self)
    }

    static let getInfo = #"{"method":"org.varlink.service.GetInfo"}"#

    static func run(
        clientLimit: Int = AdminServer.clientLimit,
        _ body: @escaping @Sendable (AdminServer, String, Services) async throws -> Void
    ) async throws {
        let place = try Place()
        let path = place.path
        let endpoint = try Endpoint()
        try await withServices(service("git", on: endpoint)) { services in
            let server = try await AdminServer(
                path, services.manager, services.reloader, logger: services.log.logger, clientLimit: clientLimit)
            try await body(server, path, services)
            await server.close()
        }
        withExtendedLifetime(place) {}
    }

    @Test("it tells the state of the daemon and of its services, or of one of them")
    func status() async throws {
        try await Self.run { _, path, services in
            for parameters in ["{}", #"{"service":"git"}"#] {
                let reply = try await Self.call(
                    path, #"{"method":"io.serverd.Manager.GetStatus","parameters":\#(parameters)}"#, services)
                #expect(reply.contains(#""state":"running""#))
                #expect(reply.contains(#""name":"git""#) && reply.contains(#""state":"listening""#))
                #expect(reply.contains(#""version":"\#(Version.text)""#))
            }
        }
    }

    @Test("a name that no service has is an error, with the name that was perhaps meant")
    func noSuchService() async throws {
        try await Self.run { _, path, services in
            let near = try await Self.call(
                path, #"{"method":"io.serverd.Manager.GetStatus","parameters":{"service":"gti"}}"#, services)
            #expect(near.contains(#""error":"io.serverd.Manager.NoSuchService""#))
            #expect(near.contains(#""service":"gti""#) && near.contains(#""nearest":"git""#))
            let far = try await Self.call(
                path, #"{"method":"io.serverd.Manager.GetStatus","parameters":{"service":"smtp-relay"}}"#, services)
            #expect(far.contains("NoSuchService") && !far.contains("nearest"))
        }
    }

    @Test("it describes itself")
    func description() async throws {
        try await Self.run { _, path, services in
            let info = try await Self.call(path, Self.getInfo, services)
            #expect(info.contains(#""product":"serverd""#) && info.contains("io.serverd.Manager"))
            let description = try await Self.call(
                path,
                #"{"method":"org.varlink.service.GetInterfaceDescription","parameters":"#
                    + #"{"interface":"io.serverd.Manager"}}"#, services)
            #expect(description.contains("method GetStatus("))
            let unknown = try await Self.call(path, #"{"method":"io.serverd.Manager.Explode"}"#, services)
            #expect(unknown.contains("org.varlink.service.MethodNotFound"))
        }
    }

    @Test("only the daemon's user may connect, and close removes the socket's file but not the lock's")
    func file() async throws {
        try await Self.run { server, path, services in
            var status = stat()
            try #require(stat(path, &status) == 0)
            #expect(status.st_mode & S_IFMT == S_IFSOCK && status.st_mode & 0o777 == 0o600)
            let client = try TestClient.connect(to: .unix(.path(path)), on: services.loop)
            _ = try await Self.call(client, Self.getInfo)
            await server.close()
            #expect(try await client.readToEnd() == [])
            await client.close()
            #expect(access(path, F_OK) != 0)
            #expect(access(path + ".lock", F_OK) == 0)
            // The next daemon takes it over. A program that another test starts at this moment may still have a copy
            // of the lock, until its own first steps.
            var started: AdminServer?
            while started == nil {
                started = try? await AdminServer(path, services.manager, services.reloader, logger: services.log.logger)
                await settle(services.loop)
            }
            let next = try #require(started)
            let answer = try await Self.call(path, Self.getInfo, services)
            #expect(answer.contains("serverd"))
            await next.close()
        }
    }

    @Test("a client that has sent no complete call within 30 s of connecting is closed", arguments: ["", "{", getInfo])
    func silentClient(sent: String) async throws {
        try await Self.run { _, path, services in
            let silent = try TestClient.connect(to: .unix(.path(path)), on: services.loop)
            if !sent.isEmpty { try silent.write(sent) }
            let monitor = try TestClient.connect(to: .unix(.path(path)), on: services.loop)
            #expect(try await Self.call(monitor, Self.getInfo).contains("serverd"))
            await services.advance(by: .milliseconds(29_999))
            #expect(silent.pending == .nothing)
            await services.advance(by: .milliseconds(1))
            #expect(try await silent.readToEnd() == [])
            // One that has called may be silent for as long as it likes.
            await services.advance(by: .seconds(86_400))
            #expect(try await Self.call(monitor, Self.getInfo).contains("serverd"))
            await monitor.close()
            await silent.close()
        }
    }

    @Test("whoever finds no room is told so on its first call, whatever that is, and nobody else is disturbed")
    func noRoom() async throws {
        try await Self.run(clientLimit: 4) { _, path, services in
            var clients: [TestClient] = []
            for _ in 0..<4 {
                let client = try TestClient.connect(to: .unix(.path(path)), on: services.loop)
                #expect(try await Self.call(client, Self.getInfo).contains("serverd"))
                clients.append(client)
            }
            for call in [Self.getInfo, #"{"method":"io.serverd.Manager.Subscribe","more":true}"#] {
                let next = try TestClient.connect(to: .unix(.path(path)), on: services.loop)
                let answer = try await Self.call(next, call)
                #expect(
                    answer.contains(#""error":"io.serverd.Manager.TooManyClients""#)
                        && answer.contains(#"{"limit":4}"#))
                #expect(try await next.readToEnd() == [])
                await next.close()
            }
            for client in clients { #expect(try await Self.call(client, Self.getInfo).contains("serverd")) }
            // A place that is given up is the next one's.
            await clients.removeLast().close()
            var answer = ""
            while !answer.contains("serverd\"") { answer = try await Self.call(path, Self.getInfo, services) }
            for client in clients { await client.close() }
        }
    }

    @Test("many who find no room and say nothing keep nobody from being told")
    func silentRefused() async throws {
        try await Self.run(clientLimit: 1) { _, path, services in
            let client = try TestClient.connect(to: .unix(.path(path)), on: services.loop)
            #expect(try await Self.call(client, Self.getInfo).contains("serverd"))
            let silent = try (0..<2 * AdminClients.refusalLimit).map { _ in
                try TestClient.connect(to: .unix(.path(path)), on: services.loop)
            }
            #expect(try await Self.call(path, Self.getInfo, services).contains("TooManyClients"))
            #expect(try await silent[0].readToEnd() == [])
            for client in silent + [client] { await client.close() }
        }
    }

    @Test("as many who find no room as the limit may wait to be told; one more, and the first goes; all do after 30 s")
    func refusalLimit() async throws {
        try await Self.run(clientLimit: 1) { _, path, services in
            func connect() throws -> TestClient { try TestClient.connect(to: .unix(.path(path)), on: services.loop) }
            func isTold() async throws {
                let client = try connect()
                #expect(try await Self.call(client, Self.getInfo).contains("TooManyClients"))
                #expect(try await client.readToEnd() == [])
                await client.close()
            }
            let client = try connect()
            #expect(try await Self.call(client, Self.getInfo).contains("serverd"))
            // Who was told counts no more.
            for _ in 0...AdminClients.refusalLimit { try await isTold() }
            var silent = try (1..<AdminClients.refusalLimit).map { _ in try connect() }
            try await isTold()
            #expect(silent.map(\.pending) == silent.map { _ in .nothing })
            silent.append(try connect())
            try await isTold()
            #expect(try await silent.removeFirst().readToEnd() == [])
            #expect(silent.map(\.pending) == silent.map { _ in .nothing })
            await services.advance(by: AdminClients.firstCallWithin)
            for one in silent { #expect(try await one.readToEnd() == []) }
            #expect(try await Self.call(client, Self.getInfo).contains("serverd"))
            for one in silent + [client] { await one.close() }
        }
    }

    @Test("an inherited socket is served as it is: without a lock, and its file and mode stay")
    func inherited() async throws {
        let place = try Place()
        let path = place.path
        try await withServices(service("git", on: try Endpoint())) { services in
            let listener = try ListeningSocket.bind(
                .address(.unix(.path(path))), backlog: 16, file: SocketFileOptions(mode: 0o660))
            let copy = listener.copy()?.release() ?? -1
            let server = try await AdminServer(
                path, inherited: copy, services.manager, services.reloader, logger: services.log.logger)
            #expect(try await Self.call(path, Self.getInfo, services).contains("serverd"))
            await server.close()
            var status = stat()
            #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o660)
            #expect(access(path + ".lock", F_OK) != 0)
            listener.close()
        }
        withExtendedLifetime(place) {}
    }

    @Test("where there is a registry the socket is found by its interface's name as long as it is served")
    func registered() async throws {
        let place = try Place()
        let (path, registry) = (place.path, place.tree.path)
        let entry = registry + "/io.serverd.Manager"
        try await withServices(service("git", on: try Endpoint())) { services in
            // What leads nowhere is replaced.
            #expect(symlink("/nowhere/at/all", entry) == 0)
            let server = try await AdminServer(
                path, services.manager, services.reloader, logger: services.log.logger, registry: registry)
            #expect(try await Self.call(entry, Self.getInfo, services).contains("serverd"))
            await server.close()
            #expect(access(entry, F_OK) != 0 && errno == ENOENT)
            // What leads to somebody else is left alone.
            #expect(symlink(registry, entry) == 0)
            let other = try await AdminServer(
                path + "2", services.manager, services.reloader, logger: services.log.logger, registry: registry)
            await other.close()
            #expect(access(entry, F_OK) == 0)
            #expect(services.log.lines.contains { $0.contains("another socket is registered") })
            // Where there is none, none is made.
            let without = try await AdminServer(
                path + "3", services.manager, services.reloader, logger: services.log.logger,
                registry: registry + "/none")
            await without.close()
            #expect(access(registry + "/none", F_OK) != 0)
        }
        withExtendedLifetime(place) {}
    }

    @Test("more silent clients than there are slots keep nobody out")
    func manySilentClients() async throws {
        try await Self.run(clientLimit: 8) { _, path, services in
            let silent = try (0..<40).map { _ in
                try TestClient.connect(to: .unix(.path(path)), on: services.loop)
            }
            #expect(try await Self.call(path, Self.getInfo, services).contains("serverd"))
            for client in silent { await client.close() }
        }
    }

    @Test("the reserve of descriptors is filled again when a client goes")
    func reserveIsRefilled() async throws {
        try await Self.run { server, path, services in
            let size = server.reserve.count
            let client = try TestClient.connect(to: .unix(.path(path)), on: services.loop)
            #expect(try await Self.call(client, Self.getInfo).contains("serverd"))
            // As after accepting clients while others had all descriptors.
            server.reserve.close()
            await settle(services.loop)
            #expect(size > 0 && server.reserve.count == 0)
            await client.close()
            while server.reserve.count < size { await services.loop.yieldTurn() }
        }
    }

    @Test("a second daemon on the same socket is told so, and leaves the first one alone")
    func second() async throws {
        try await Self.run { _, path, services in
            let failure = await #expect(throws: StartFailure.self) {
                try await AdminServer(path, services.manager, services.reloader, logger: services.log.logger)
            }
            #expect(
                failure
                    == StartFailure(
                        .operatingSystem,
                        "another serverd is running with the admin socket \(path); stop it first, or give this one "
                            + "another with --admin-socket"))
            let answer = try await Self.call(path, Self.getInfo, services)
            #expect(answer.contains("serverd"))
        }
    }

    @Test("a socket that a killed daemon left behind is replaced; a file that is none is not")
    func leftover() async throws {
        let place = try Place()
        let path = place.path
        place.tree.put("precious", at: "admin")
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint)) { services in
            let failure = await #expect(throws: StartFailure.self) {
                try await AdminServer(path, services.manager, services.reloader, logger: services.log.logger)
            }
            #expect(failure?.description.contains("it exists and is not a socket; remove it by hand") == true)
            #expect(access(path, F_OK) == 0)
            unlink(path)
            try makeStaleSocket(path)
            let server = try await AdminServer(path, services.manager, services.reloader, logger: services.log.logger)
            await server.close()
        }
        withExtendedLifetime(place) {}
    }

    @Test("a lock that is a symbolic link is refused, and what it points to is left alone")
    func symbolicLink() async throws {
        let place = try Place()
        let path = place.path
        place.tree.put("precious", at: "target")
        try place.tree.link("admin.lock", to: "target")
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint)) { services in
            let failure = await #expect(throws: StartFailure.self) {
                try await AdminServer(path, services.manager, services.reloader, logger: services.log.logger)
            }
            #expect(
                failure?.description.hasPrefix("cannot open \(path).lock, the lock of the admin socket: ") == true)
            #expect(access(path, F_OK) != 0)
        }
        withExtendedLifetime(place) {}
    }

    @Test("the directory of the default socket is made; another one is not, and the error says what to do")
    func directory() throws {
        let place = try Place()
        let root = place.tree.path
        try AdminLock(socket: root + "/run/admin", makingDirectory: root + "/run").release()
        #expect(access(root + "/run/admin.lock", F_OK) == 0)
        let unmakeable = #expect(throws: StartFailure.self) {
            try AdminLock(socket: root + "/a/b/admin", makingDirectory: root + "/a/b")
        }
        #expect(
            unmakeable?.description
                == "cannot make the directory \(root)/a/b of the admin socket: No such file or directory (ENOENT); choose "
                + "another place with --admin-socket")
        let missing = #expect(throws: StartFailure.self) { try AdminLock(socket: root + "/a/admin") }
        #expect(
            missing?.description
                == "cannot open \(root)/a/admin.lock, the lock of the admin socket: No such file or directory (ENOENT); "
                + "make the directory \(root)/a first, or choose another place with --admin-socket")
        #expect(access(root + "/a", F_OK) != 0)
        withExtendedLifetime(place) {}
    }

    @Test("a client that sends calls and reads no reply, and one that sends nonsense, hold up nobody")
    func badClients() async throws {
        try await Self.run { server, path, services in
            let deaf = try TestClient.connect(to: .unix(.path(path)), on: services.loop)
            let call = Array(Self.getInfo.utf8) + [0]
            // Until the daemon takes no more.
            let flood = Array(repeating: call, count: 1000).flatMap { $0 }
            var turns = 0
            while turns < 100 {
                if case .failure(.wouldBlock) = deaf.socket.sendNow(flood[...]) { turns += 1 }
                await settle(services.loop)
            }
            let nonsense = try TestClient.connect(to: .unix(.path(path)), on: services.loop)
            try nonsense.write("no JSON\0")
            #expect(try await nonsense.readToEnd() == [])
            await nonsense.close()
            let reply = try await Self.call(path, Self.getInfo, services)
            #expect(reply.contains("serverd"))
            // It is no reason to wait at the end, either.
            await server.close()
            await deaf.close()
        }
    }
}

/// Leaves a socket file on which nobody listens.
private func makeStaleSocket(_ path: String) throws {
    let number = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    defer { close(number) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let result = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
    try #require(result == 0)
}
