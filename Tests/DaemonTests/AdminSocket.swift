// SPDX-License-Identifier: Apache-2.0
// Admin sockets of tests: one that is served, for a daemon of one service, and calls over it.

import EventLoops
import Policy
import Sockets
import TestSupport

@testable import Daemon

/// The admin socket of a daemon on a loop of its own.
enum AdminSocket {
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
}
