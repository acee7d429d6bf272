// SPDX-License-Identifier: Apache-2.0
// Callers of the admin socket that become connections of a service.

import EventLoops
import Glibc
import ManagerInterface
import Policy
import SocketServer
import Sockets
import TestSupport
import Testing

@testable import Daemon
@testable import ServiceConfig

@Suite("Connect", .timeLimit(.minutes(5)))
struct ConnectTests {
    /// Runs `body` with an admin server for the services of `definitions`.
    static func run(
        _ definitions: [ServiceDefinition], clientLimit: Int = AdminServer.clientLimit,
        _ body: @escaping @Sendable (String, Services) async throws -> Void
    ) async throws {
        let place = try AdminSocket.Place()
        let path = place.path
        try await withServices(definitions) { services in
            let server = try await AdminServer(
                path, services.manager, services.reloader, logger: services.log.logger, clientLimit: clientLimit)
            try await body(path, services)
            await server.close()
        }
        withExtendedLifetime(place) {}
    }

    private static func call(_ service: String) -> String {
        #"{"method":"io.serverd.Manager.Connect","parameters":{"service":"\#(service)"},"upgrade":true}"# + "\0"
    }

    static func client(_ path: String, _ services: Services) throws -> TestClient {
        try TestClient.connect(to: .unix(.path(path)), on: services.loop)
    }

    /// The next reply, byte by byte: what follows may be the service's.
    static func reply(to client: TestClient) async throws -> String {
        var bytes: [UInt8] = []
        while bytes.last != 0 {
            let next = try await client.socket.receive(upTo: 1)
            if next.isEmpty { break }
            bytes += next
        }
        return String(decoding: bytes.dropLast(), as: UTF8.self)
    }

    @Test("a caller becomes a connection: not a byte behind the call is lost, and its user is the peer")
    func program() async throws {
        let script = shell(#"echo "$PROTO $IPCREMOTEEUID ${REMOTE_ADDR-none}"; exec cat"#)
        try await Self.run([service("cat", on: Endpoint(), handler: script, allowsConnect: true)]) { path, services in
            let client = try Self.client(path, services)
            try client.write(Self.call("cat") + "behind\n")
            #expect(try await Self.reply(to: client) == #"{"parameters":{"id":1}}"#)
            let greeting = Array("IPC \(geteuid()) none\nbehind\n".utf8)
            #expect(try await client.read(greeting.count) == greeting)
            let service = try await services.manager.service(named: "cat")
            let status = try #require(await service.connectionStatuses.first)
            #expect(status.transport == .connect && status.unixPeer?.uid == geteuid() && status.id == 1)
            shutdown(client.socket.withDescriptor { $0 } ?? -1, CInt(SHUT_WR))
            #expect(try await client.readToEnd() == [])
            await services.wait("cat") { $0.connections == 0 && $0.connectionsAccepted == 1 }
            await client.close()
        }
    }

    @Test("it has left the admin socket: its slot there is another's")
    func leaves() async throws {
        let handler = shell("echo ready; exec cat")
        try await Self.run(
            [service("cat", on: Endpoint(), handler: handler, allowsConnect: true)], clientLimit: 2
        ) { path, services in
            var clients: [TestClient] = []
            for _ in 0..<4 {
                let client = try Self.client(path, services)
                try client.write(Self.call("cat"))
                _ = try await Self.reply(to: client)
                #expect(try await client.read(6) == Array("ready\n".utf8))
                clients.append(client)
            }
            #expect(await services.status("cat").connections == 4)
            for client in clients { await client.close() }
        }
    }

    @Test("the limit holds for callers too: at n−1 there is room, at n none")
    func limit() async throws {
        let endpoint = try Endpoint()
        let definition = try service(on: endpoint, maxConnections: 2, allowsConnect: true)
        try await Self.run([definition]) { path, services in
            let ordinary = try endpoint.connect(services, sending: "x")
            #expect(try await ordinary.read(2) == Array("x\n".utf8))
            let first = try Self.client(path, services)
            try first.write(Self.call("test") + "y\n")
            #expect(try await Self.reply(to: first).contains("parameters"))
            #expect(try await first.read(2) == Array("y\n".utf8))
            let second = try Self.client(path, services)
            try second.write(Self.call("test"))
            #expect(
                try await Self.reply(to: second)
                    == #"{"error":"io.serverd.Manager.ServiceFull","parameters":{"connectionLimit":2,"service":"test"}}"#
            )
            await ordinary.close()
            await services.wait { $0.connections == 1 }
            // An error upgrades nothing: the same caller may try again.
            try second.write(Self.call("test") + "z\n")
            #expect(try await Self.reply(to: second).contains("parameters"))
            #expect(try await second.read(2) == Array("z\n".utf8))
            await first.close()
            await second.close()
        }
    }

    @Test("a service that does not say so, or accepts nobody, is not connected to")
    func refused() async throws {
        let closed = try service("closed", on: Endpoint(), allowsConnect: true)
        try await Self.run([service(on: Endpoint()), closed]) { path, services in
            let client = try Self.client(path, services)
            try client.write(Self.call("test"))
            #expect(try await Self.reply(to: client).contains("io.serverd.Manager.NotConnectable"))
            let service = try await services.manager.service(named: "closed")
            #expect(await service.suspend())
            try client.write(Self.call("closed"))
            let reply = try await Self.reply(to: client)
            #expect(reply.contains("WrongState") && reply.contains("suspended"))
            await client.close()
        }
    }

    @Test("who does not let the reply through is disconnected after five seconds, and its slot is free")
    func patience() async throws {
        let definition = try service("cat", on: Endpoint(), maxConnections: 1, allowsConnect: true)
        try await withServices(definition) { services in
            let cat = try await services.manager.service(named: "cat")
            let gone = EventLog<String>()
            let caller = AdminCaller(uid: 0, pid: 1, gid: 0, supplementaryGroups: []) { gone.append("gone") }
            var ticket: ConnectionTicket? = try await cat.admit(caller)
            await services.advance(by: .milliseconds(4999))
            #expect(gone.all.isEmpty)
            await services.advance(by: .milliseconds(1))
            #expect(gone.all == ["gone"])
            withExtendedLifetime(ticket) {}
            #expect(cat.limit.taken == 1)
            ticket = nil
            #expect(cat.limit.taken == 0)
            ticket = try await cat.admit(caller)
            ticket = nil
            await services.advance(by: .seconds(10))
            #expect(gone.all == ["gone"])
        }
    }

    /// What may happen between a caller's admission and its reply.
    enum Meanwhile: CaseIterable {
        case suspended, addressClosed, nothing
    }

    @Test(
        "a caller whose service accepts nobody any more once the reply is sent is disconnected, and nothing is left of it",
        arguments: Meanwhile.allCases)
    func tooLate(_ meanwhile: Meanwhile) async throws {
        let definition = try service("cat", on: Endpoint(), maxConnections: 1, allowsConnect: true)
        try await withServices(definition) { services in
            let cat = try await services.manager.service(named: "cat")
            let ticket = try await cat.admit(AdminCaller(uid: 0, pid: 1, gid: 0))
            switch meanwhile {
            case .suspended: #expect(await cat.suspend())
            case .addressClosed: await cat.servers.first?.close()
            case .nothing: break
            }
            let pair = makeConnectedPair(on: services.loop)
            await services.loop.perform { ticket.use(for: pair.server) }
            if meanwhile == .nothing {
                try pair.client.write("x\n")
                #expect(try await pair.client.line() == "x")
                await pair.client.close()
                await services.wait("cat") { $0.connections == 0 }
            } else {
                #expect(try await pair.client.readToEnd() == [])
                #expect(await services.status("cat").connectionsAccepted == 0)
                await pair.client.close()
            }
            #expect(await cat.served.isEmpty)
        }
    }
}
