// SPDX-License-Identifier: Apache-2.0
// The clients of the admin socket: which of them must go, so that those who say nothing cannot keep others out.

internal import EventLoops
internal import ManagerInterface
internal import SocketServer
internal import Sockets
internal import Synchronization
internal import Varlink

/// The clients of the admin socket: those that are served, and those who are told that there is no room.
///
/// A client that has sent no complete call within ``firstCallWithin`` of connecting goes. Who may stay otherwise is
/// ``ClientAdmission``'s to say.
final class AdminClients: Sendable {
    /// How long after connecting the first call must be there.
    ///
    /// Later there is no such time: a monitor that asks now and then keeps its connection.
    static let firstCallWithin = Duration.seconds(30)
    /// How many at a time are told that there is no room; one more, and the first of them goes untold.
    static let refusalLimit = 16

    private struct State {
        var admission: ClientAdmission
        var sockets: [UInt64: ConnectedSocket] = [:]
        /// In the order of their coming.
        var refused: [UInt64] = []
    }
    private let state: Mutex<State>

    /// No clients yet, and room for `limit`; `owner` is the daemon's own user.
    init(limit: Int, owner: UInt32) {
        state = Mutex(State(admission: ClientAdmission(limit: limit, owner: owner)))
    }

    /// Serves a client by `serve`, which is given the way to receive, and to send; or, if there is no room, answers its
    /// first call by `TooManyClients`.
    ///
    /// Only on the loop.
    func withClient(
        _ connection: Connection, uid: UInt32,
        serve: (
            _ receive: @escaping @Sendable () async throws -> [UInt8]?,
            _ send: @escaping @Sendable ([UInt8]) async throws -> Void
        ) async throws -> Void
    ) async throws {
        let (id, socket) = (connection.id, connection.socket)
        let loop = socket.loop
        let verdict = began(id, socket, uid, at: loop.now)
        let timer = loop.schedule(after: Self.firstCallWithin) { self.closeIfSilent(id) }
        defer {
            timer.cancel()
            ended(id)
        }
        let receive = { @Sendable () async throws -> [UInt8]? in
            let bytes = try await Self.receive(from: socket)
            // The end of a message: whether it is a call is seen at once.
            if let bytes, bytes.contains(0) { self.heard(id, at: loop.now) }
            return bytes
        }
        let send = { @Sendable (bytes: [UInt8]) async throws -> Void in try await socket.write(bytes) }
        switch verdict {
        case .admitted: try await serve(receive, send)
        case .refused(let limit):
            let error = VarlinkError(Manager.TooManyClients(limit: limit))
            try await ServerSession.refuse(with: error, receive: receive, send: send)
        }
    }

    // Of what follows a call not a byte: it may be for the service that the connection becomes one of.
    private static func receive(from socket: ConnectedSocket) async throws -> [UInt8]? {
        let length = { @Sendable in ServerSession.lengthOfCall(in: socket.peek(upTo: 65_536)) }
        if await socket.loop.perform(length) == 0 { await socket.waitUntilReadable() }
        // At the end there is nothing to look at, and one byte to ask for.
        return try await socket.read(upTo: max(1, socket.loop.perform(length)))
    }

    private func began(
        _ id: UInt64, _ socket: ConnectedSocket, _ uid: UInt32, at now: Duration
    ) -> ClientAdmission.Verdict {
        let (verdict, leaving) = state.withLock { state -> (ClientAdmission.Verdict, ConnectedSocket?) in
            let verdict = state.admission.arrived(id, uid: uid, at: now)
            state.sockets[id] = socket
            switch verdict {
            case .admitted(let other): return (verdict, other.flatMap { state.sockets[$0] })
            case .refused:
                state.refused.append(id)
                guard state.refused.count > Self.refusalLimit else { return (verdict, nil) }
                return (verdict, state.sockets[state.refused.removeFirst()])
            }
        }
        // Its slot is free once its handler has seen the end.
        leaving?.closeNow()
        return verdict
    }

    private func heard(_ id: UInt64, at now: Duration) { state.withLock { $0.admission.heard(id, at: now) } }

    private func closeIfSilent(_ id: UInt64) {
        let silent = state.withLock { state in
            state.admission.removeIfSilent(id) || state.refused.contains(id) ? state.sockets[id] : nil
        }
        silent?.closeNow()
    }

    private func ended(_ id: UInt64) {
        state.withLock { state in
            state.admission.left(id)
            state.sockets[id] = nil
            state.refused.removeAll { $0 == id }
        }
    }
}
