// SPDX-License-Identifier: Apache-2.0
// The limit of one server: at its edge, and under random comings and goings against a model.

internal import SocketServer
internal import Sockets
internal import TestSupport
internal import Testing

@Suite("Limit", .timeLimit(.minutes(5)))
struct LimitTests {
    @Test(
        "one less than the limit, as many, and one more: who fits is served, who does not is served next (B20, B23)",
        arguments: [1, 2, 3, 16, 17], [-1, 0, 1])
    func edge(limit: Int, extra: Int) async throws {
        try await onLoop { loop in
            let accept = ScriptedAccept()
            var options = ServerOptions()
            options.maxConnections = limit
            options.acceptCall = accept.call
            let server = try await Server.createSocket(on: .portChosenByOS, options: options) {
                try await greetAndStay($1)
            }
            let clients = try (0..<(limit + extra)).map { _ in try TestClient.connect(to: server.loopback, on: loop) }
            for client in clients.prefix(limit) { #expect(await client.isGreeted()) }
            await settle(loop)
            #expect(server.numConnections == min(limit, clients.count))
            server.checkInvariant()
            for client in clients.dropFirst(limit) { #expect(client.isWaiting) }
            await clients.first?.close()
            for client in clients.dropFirst(limit) { #expect(await client.isGreeted()) }
            for client in clients { await client.close() }
            await server.close()
            await server.closeFinishedAndHandlersDetermined()
            #expect(server.numConnections == 0)
            #expect(accept.calls <= 3 * clients.count + 3, "no busy loop at the limit")
        }
    }

    @Test("a limit that is lowered while somebody waits is obeyed: those beyond it end first")
    func lowered() async throws {
        try await onLoop { loop in
            let limit = ConnectionLimit(2)
            var options = ServerOptions()
            options.connectionLimit = limit
            let events = EventLog<ServerEvent>()
            options.onEvent = { events.append($0) }
            let server = try await Server.createSocket(on: .portChosenByOS, options: options) {
                try await greetAndStay($1)
            }
            let clients = try (0..<3).map { _ in try TestClient.connect(to: server.loopback, on: loop) }
            for client in clients.prefix(2) { #expect(await client.isGreeted()) }
            await settle(loop)
            limit.setMaximum(1)
            await clients[0].close()
            await events.wait { $0.ended == 1 }
            await settle(loop)
            #expect(server.numConnections == 1 && clients[2].isWaiting)
            await clients[1].close()
            #expect(await clients[2].isGreeted())
            await clients[2].close()
            await server.close()
        }
    }

    @Test("a client who waited at the limit and has left meanwhile costs no slot (B20, B23)")
    func leftWhileWaiting() async throws {
        try await onLoop { loop in
            var options = ServerOptions()
            options.maxConnections = 1
            let server = try await Server.createSocket(on: .portChosenByOS, options: options) {
                try await greetAndStay($1)
            }
            let first = try TestClient.connect(to: server.loopback, on: loop)
            #expect(await first.isGreeted())
            for _ in 0..<3 { try await TestClient.connect(to: server.loopback, on: loop).close() }
            try TestClient.connect(to: server.loopback, on: loop).reset()
            let last = try TestClient.connect(to: server.loopback, on: loop)
            await first.close()
            #expect(await last.isGreeted())
            #expect(server.numConnections == 1)
            await last.close()
            await server.close()
        }
    }

    @Test(
        "after random comings and goings the count is the model's, and nobody is forgotten",
        arguments: [UInt64(1), 2, 3, 4])
    func model(seed: UInt64) async throws {
        try await onLoop { loop in
            let events = EventLog<ServerEvent>()
            let limit = 3
            var options = ServerOptions()
            options.maxConnections = limit
            options.maxAcceptsPerBatch = 2
            options.onEvent = { events.append($0) }
            let server = try await Server.createSocket(on: .portChosenByOS, options: options) {
                try await greetAndStay($1)
            }
            var random = SeededRandom(seed: seed)
            var model = LimitModel(limit: limit)
            var clients: [Int: TestClient] = [:]
            for step in 0..<150 {
                if clients.isEmpty || (clients.count < 9 && Bool.random(using: &random)) {
                    clients[step] = try TestClient.connect(to: server.loopback, on: loop)
                    model.arrives(step)
                } else if let leaver = clients.keys.sorted().randomElement(using: &random) {
                    await clients.removeValue(forKey: leaver)?.close()
                    model.leaves(leaver)
                }
                let (accepted, ended) = (model.accepted, model.ended)
                await events.wait { $0.accepted >= accepted && $0.ended >= ended }
                await settle(loop)
                #expect(events.all.accepted == accepted, "step \(step)")
                #expect(events.all.ended == ended, "step \(step)")
                #expect(server.numConnections == model.served.count, "step \(step)")
                for (name, client) in clients {
                    // The greeting is there, and not yet read, or it has not come.
                    #expect(client.isWaiting != model.served.contains(name), "step \(step), client \(name)")
                }
            }
            for client in clients.values { await client.close() }
            await server.close()
            await server.closeFinishedAndHandlersDetermined()
            #expect(server.numConnections == 0)
        }
    }
}

/// Who is served and who waits, by the rules: first come, first served, at most `limit` at a time.
private struct LimitModel {
    let limit: Int
    private(set) var served: Set<Int> = []
    private(set) var accepted = 0
    private(set) var ended = 0
    private var queue: [(name: Int, hasLeft: Bool)] = []

    init(limit: Int) {
        self.limit = limit
    }

    mutating func arrives(_ name: Int) {
        queue.append((name, false))
        fill()
    }

    mutating func leaves(_ name: Int) {
        if let place = queue.firstIndex(where: { $0.name == name }) {
            queue[place].hasLeft = true
        } else {
            served.remove(name)
            ended += 1
        }
        fill()
    }

    // One who left while waiting is accepted in turn and ends at once.
    private mutating func fill() {
        while served.count < limit, !queue.isEmpty {
            let next = queue.removeFirst()
            accepted += 1
            if next.hasLeft { ended += 1 } else { served.insert(next.name) }
        }
    }
}
