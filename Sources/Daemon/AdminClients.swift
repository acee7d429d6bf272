// SPDX-License-Identifier: Apache-2.0
// The clients of the admin socket: which of them must go, so that those who say nothing cannot keep others out.

internal import EventLoops
internal import SocketServer
internal import Sockets
internal import Synchronization
internal import Varlink

/// The clients of the admin socket.
///
/// | a client | goes |
/// |---|---|
/// | has sent no complete call since it connected | after ``firstCallWithin`` |
/// | has called before | when the last slot is taken, and no other client's last call is as long ago |
final class AdminClients: Sendable {
    /// How long after connecting the first call must be there.
    ///
    /// Later there is no such time: a monitor that asks now and then keeps its connection.
    static let firstCallWithin = Duration.seconds(30)

    private struct Client {
        let socket: ConnectedSocket
        /// When it last sent a complete call; before the first, when it connected.
        var lastHeard: Duration
        var hasCalled = false
    }
    private let limit: Int
    private let clients = Mutex<[UInt64: Client]>([:])

    /// No clients yet, and room for `limit`.
    init(limit: Int) {
        self.limit = limit
    }

    /// Serves a client by `serve`, which is given the way to receive, and to send.
    ///
    /// Only on the loop.
    func withClient(
        _ connection: Connection,
        serve: (
            _ receive: @escaping @Sendable () async throws -> [UInt8]?,
            _ send: @escaping @Sendable ([UInt8]) async throws -> Void
        ) async throws -> Void
    ) async throws {
        let (id, socket) = (connection.id, connection.socket)
        let loop = socket.loop
        began(id, socket, at: loop.now)
        let timer = loop.schedule(after: Self.firstCallWithin) { self.closeIfSilent(id) }
        defer {
            timer.cancel()
            ended(id)
        }
        try await serve(
            {
                let bytes = try await Self.receive(from: socket)
                // The end of a message: whether it is a call is seen at once.
                if let bytes, bytes.contains(0) { self.heard(id, at: loop.now) }
                return bytes
            },
            { try await socket.write($0) })
    }

    // Of what follows a call not a byte: it may be for the service that the connection becomes one of.
    private static func receive(from socket: ConnectedSocket) async throws -> [UInt8]? {
        let length = { @Sendable in ServerSession.lengthOfCall(in: socket.peek(upTo: 65_536)) }
        if await socket.loop.perform(length) == 0 { await socket.waitUntilReadable() }
        // At the end there is nothing to look at, and one byte to ask for.
        return try await socket.read(upTo: max(1, socket.loop.perform(length)))
    }

    private func began(_ id: UInt64, _ socket: ConnectedSocket, at now: Duration) {
        let longestIdle = clients.withLock { clients -> ConnectedSocket? in
            let others = clients
            clients[id] = Client(socket: socket, lastHeard: now)
            guard clients.count >= limit else { return nil }
            let first = others.min { ($0.value.lastHeard, $0.key) < ($1.value.lastHeard, $1.key) }
            return first.flatMap { clients.removeValue(forKey: $0.key)?.socket }
        }
        // Its slot is free once its handler has seen the end: the last one is never taken for long.
        longestIdle?.closeNow()
    }

    private func heard(_ id: UInt64, at now: Duration) {
        clients.withLock { clients in
            clients[id]?.lastHeard = now
            clients[id]?.hasCalled = true
        }
    }

    private func closeIfSilent(_ id: UInt64) {
        let silent = clients.withLock { clients in
            clients[id]?.hasCalled == false ? clients.removeValue(forKey: id)?.socket : nil
        }
        silent?.closeNow()
    }

    private func ended(_ id: UInt64) { clients.withLock { $0[id] = nil } }
}
