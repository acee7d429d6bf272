// SPDX-License-Identifier: Apache-2.0
// What the tests of reloads share: files of services, and looks at what listens.

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
    func reload() async throws -> ConfigurationChanges { try await reloader.reload(for: .signal).changes }

    /// Reloads, and does not wait any more, once it `isUnderWay`, for what takes its time.
    func reload(until isUnderWay: () async -> Bool) async throws {
        let reply = OneShot<Manager.Reload.Result>()
        _ = Task(executorPreference: loop) { reply.fulfil(try await reloader.reload(for: .signal)) }
        while !(await isUnderWay()) { await loop.yieldTurn() }
        await settle(loop)
        await advance(by: ServiceManager.reloadPatience)
        _ = await reply.value()
    }

    /// Whether the sockets that a service listens on let descriptors through; nil where the kernel cannot say.
    func passesDescriptors(_ name: String = "test") async -> Bool? {
        let passRights: CInt = 83  // SO_PASSRIGHTS, asm-generic/socket.h of Linux 6.16
        guard let service = try? await manager.service(named: name) else { return nil }
        return await service.servers.first?.withListeningSocket { number in
            var value: CInt = 0
            var length = socklen_t(MemoryLayout<CInt>.size)
            return getsockopt(number, SOL_SOCKET, passRights, &value, &length) == 0 ? value != 0 : nil
        } ?? nil
    }

    /// The inodes of the sockets that a service listens on.
    func inodes(_ name: String = "test") async -> [ino_t] {
        guard let service = try? await manager.service(named: name) else { return [] }
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

/// An address that "test" has given up while one client has its only place and another waits in the queue.
struct AwaitedAddress: Sendable {
    /// The daemon, in which "next" is to listen there, by a reload that is under way.
    let services: Services
    /// The address.
    let address: Endpoint
    /// The client who is served.
    let first: TestClient
    /// The one who waits.
    let queued: TestClient
    /// What the reload replies.
    let reply: OneShot<Manager.Reload.Result>
}

/// Gives `body` a daemon whose service waits for an address of another one.
func withAwaitedAddress(_ body: @escaping @Sendable (AwaitedAddress) async throws -> Void) async throws {
    let tree = try TemporaryTree()
    let (given, kept) = (try Endpoint(in: tree), try Endpoint(in: tree))
    let (shell, more) = ("echo ready; exec cat", "max_connections = 1")
    let files = ScriptedFiles(["test": script(given, kept, script: shell, more: more)])
    try await withServices(files: files) { services in
        let first = try given.connect(services)
        #expect(try await first.line() == "ready")
        let queued = try given.connect(services)
        files["test"] = script(kept, script: shell, more: more)
        files["next"] = builtIn(given)
        let reply = OneShot<Manager.Reload.Result>()
        _ = Task(executorPreference: services.loop) {
            reply.fulfil(try await services.reloader.reload(for: .signal))
        }
        while (try? await services.manager.service(named: "next")) == nil { await services.loop.yieldTurn() }
        await settle(services.loop)
        try await body(
            AwaitedAddress(services: services, address: given, first: first, queued: queued, reply: reply))
    }
    withExtendedLifetime(tree) {}
}
