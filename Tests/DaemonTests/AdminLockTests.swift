// SPDX-License-Identifier: Apache-2.0
// The admin socket as a file: its lock, its mode, its place, and who had it before or has it after.

import Descriptors
import Glibc
import Policy
import Sockets
import TestSupport
import Testing

@testable import Daemon

@Suite("AdminServer: file and lock", .timeLimit(.minutes(5)))
struct AdminLockTests {
    @Test("only the daemon's user may connect, and close removes the socket's file but not the lock's")
    func file() async throws {
        try await AdminSocket.run { server, path, services in
            var status = stat()
            try #require(stat(path, &status) == 0)
            #expect(status.st_mode & S_IFMT == S_IFSOCK && status.st_mode & 0o777 == 0o600)
            let client = try TestClient.connect(to: .unix(.path(path)), on: services.loop)
            _ = try await AdminSocket.call(client, AdminSocket.getInfo)
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
            let answer = try await AdminSocket.call(path, AdminSocket.getInfo, services)
            #expect(answer.contains("serverd"))
            await next.close()
        }
    }

    @Test("an inherited socket is served as it is: without a lock, and its file and mode stay")
    func inherited() async throws {
        let place = try AdminSocket.Place()
        let path = place.path
        try await withServices(service("git", on: try Endpoint())) { services in
            let listener = try ListeningSocket.bind(
                .address(.unix(.path(path))), backlog: 16, file: SocketFileOptions(mode: 0o660))
            let copy = listener.copy()?.release() ?? -1
            let server = try await AdminServer(
                path, inherited: copy, services.manager, services.reloader, logger: services.log.logger)
            #expect(try await AdminSocket.call(path, AdminSocket.getInfo, services).contains("serverd"))
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
        let place = try AdminSocket.Place()
        let (path, registry) = (place.path, place.tree.path)
        let entry = registry + "/io.serverd.Manager"
        try await withServices(service("git", on: try Endpoint())) { services in
            // What leads nowhere is replaced.
            #expect(symlink("/nowhere/at/all", entry) == 0)
            let server = try await AdminServer(
                path, services.manager, services.reloader, logger: services.log.logger, registry: registry)
            #expect(try await AdminSocket.call(entry, AdminSocket.getInfo, services).contains("serverd"))
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

    @Test("a second daemon on the same socket is told so, and leaves the first one alone")
    func second() async throws {
        try await AdminSocket.run { _, path, services in
            let failure = await #expect(throws: StartFailure.self) {
                try await AdminServer(path, services.manager, services.reloader, logger: services.log.logger)
            }
            #expect(
                failure
                    == StartFailure(
                        .operatingSystem,
                        "another serverd is running with the admin socket \(path); stop it first, or give this one "
                            + "another with --admin-socket"))
            let answer = try await AdminSocket.call(path, AdminSocket.getInfo, services)
            #expect(answer.contains("serverd"))
        }
    }

    @Test("a socket that a killed daemon left behind is replaced; a file that is none is not")
    func leftover() async throws {
        let place = try AdminSocket.Place()
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
        let place = try AdminSocket.Place()
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
        let place = try AdminSocket.Place()
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
