// SPDX-License-Identifier: Apache-2.0
// Clients of the admin socket who say nothing, too much or nonsense, or are too many: they hold up nobody.

import EventLoops
import Policy
import Sockets
import SystemPackage
import TestSupport
import Testing

@testable import Daemon

@Suite("AdminServer: clients", .timeLimit(.minutes(5)))
struct AdminClientsTests {
    @Test(
        "a client that has sent no complete call within 30 s of connecting is closed",
        arguments: ["", "{", AdminSocket.getInfo])
    func silentClient(sent: String) async throws {
        try await AdminSocket.run { _, path, services in
            let silent = try TestClient.connect(to: .unix(.path(path)), on: services.loop)
            if !sent.isEmpty { try silent.write(sent) }
            let monitor = try TestClient.connect(to: .unix(.path(path)), on: services.loop)
            #expect(try await AdminSocket.call(monitor, AdminSocket.getInfo).contains("serverd"))
            await services.advance(by: .milliseconds(29_999))
            #expect(silent.pending == .nothing)
            await services.advance(by: .milliseconds(1))
            #expect(try await silent.readToEnd() == [])
            // One that has called may be silent for as long as it likes.
            await services.advance(by: .seconds(86_400))
            #expect(try await AdminSocket.call(monitor, AdminSocket.getInfo).contains("serverd"))
            await monitor.close()
            await silent.close()
        }
    }

    @Test("whoever finds no room is told so on its first call, whatever that is, and nobody else is disturbed")
    func noRoom() async throws {
        try await AdminSocket.run(clientLimit: 4) { _, path, services in
            var clients: [TestClient] = []
            for _ in 0..<4 {
                let client = try TestClient.connect(to: .unix(.path(path)), on: services.loop)
                #expect(try await AdminSocket.call(client, AdminSocket.getInfo).contains("serverd"))
                clients.append(client)
            }
            for call in [AdminSocket.getInfo, #"{"method":"io.serverd.Manager.Subscribe","more":true}"#] {
                let next = try TestClient.connect(to: .unix(.path(path)), on: services.loop)
                let answer = try await AdminSocket.call(next, call)
                #expect(
                    answer.contains(#""error":"io.serverd.Manager.TooManyClients""#)
                        && answer.contains(#"{"limit":4}"#))
                #expect(try await next.readToEnd() == [])
                await next.close()
            }
            for client in clients {
                #expect(try await AdminSocket.call(client, AdminSocket.getInfo).contains("serverd"))
            }
            // A place that is given up is the next one's.
            await clients.removeLast().close()
            var answer = ""
            while !answer.contains("serverd\"") {
                answer = try await AdminSocket.call(path, AdminSocket.getInfo, services)
            }
            for client in clients { await client.close() }
        }
    }

    @Test("many who find no room and say nothing keep nobody from being told")
    func silentRefused() async throws {
        try await AdminSocket.run(clientLimit: 1) { _, path, services in
            let client = try TestClient.connect(to: .unix(.path(path)), on: services.loop)
            #expect(try await AdminSocket.call(client, AdminSocket.getInfo).contains("serverd"))
            let silent = try (0..<2 * AdminClients.refusalLimit).map { _ in
                try TestClient.connect(to: .unix(.path(path)), on: services.loop)
            }
            #expect(try await AdminSocket.call(path, AdminSocket.getInfo, services).contains("TooManyClients"))
            #expect(try await silent[0].readToEnd() == [])
            for client in silent + [client] { await client.close() }
        }
    }

    @Test("as many who find no room as the limit may wait to be told; one more, and the first goes; all do after 30 s")
    func refusalLimit() async throws {
        try await AdminSocket.run(clientLimit: 1) { _, path, services in
            func connect() throws -> TestClient { try TestClient.connect(to: .unix(.path(path)), on: services.loop) }
            func isTold() async throws {
                let client = try connect()
                #expect(try await AdminSocket.call(client, AdminSocket.getInfo).contains("TooManyClients"))
                #expect(try await client.readToEnd() == [])
                await client.close()
            }
            let client = try connect()
            #expect(try await AdminSocket.call(client, AdminSocket.getInfo).contains("serverd"))
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
            #expect(try await AdminSocket.call(client, AdminSocket.getInfo).contains("serverd"))
            for one in silent + [client] { await one.close() }
        }
    }

    @Test("more silent clients than there are slots keep nobody out")
    func manySilentClients() async throws {
        try await AdminSocket.run(clientLimit: 8) { _, path, services in
            let silent = try (0..<40).map { _ in
                try TestClient.connect(to: .unix(.path(path)), on: services.loop)
            }
            #expect(try await AdminSocket.call(path, AdminSocket.getInfo, services).contains("serverd"))
            for client in silent { await client.close() }
        }
    }

    @Test("the reserve of descriptors is filled again when a client goes")
    func reserveIsRefilled() async throws {
        try await AdminSocket.run { server, path, services in
            let size = server.reserve.count
            let client = try TestClient.connect(to: .unix(.path(path)), on: services.loop)
            #expect(try await AdminSocket.call(client, AdminSocket.getInfo).contains("serverd"))
            // As after accepting clients while others had all descriptors.
            server.reserve.close()
            await settle(services.loop)
            #expect(size > 0 && server.reserve.count == 0)
            await client.close()
            while server.reserve.count < size { await services.loop.yieldTurn() }
        }
    }

    @Test("a client that sends calls and reads no reply, and one that sends nonsense, hold up nobody")
    func badClients() async throws {
        try await AdminSocket.run { server, path, services in
            let deaf = try TestClient.connect(to: .unix(.path(path)), on: services.loop)
            let call = Array(AdminSocket.getInfo.utf8) + [0]
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
            let reply = try await AdminSocket.call(path, AdminSocket.getInfo, services)
            #expect(reply.contains("serverd"))
            // It is no reason to wait at the end, either.
            await server.close()
            await deaf.close()
        }
    }
}
