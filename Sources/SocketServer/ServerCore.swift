// SPDX-License-Identifier: Apache-2.0
// A server without the types of its addresses: counting, serving, closing.

internal import EventLoops
internal import Policy
internal import Sockets
internal import Synchronization
internal import SystemPackage

/// The machine inside every ``Server``.
final class ServerCore: Sendable {
    let loop: EventLoop
    let options: ServerOptions
    let limit: ConnectionLimit
    let listener: ListeningSocket
    private let handler: @Sendable (Connection) async throws -> Void
    private let report: @Sendable (Connection, any Error) throws -> Void
    private let state: Mutex<ServerState>
    private let changed: LoopCondition
    private let acceptor = Mutex<Acceptor?>(nil)

    /// A server that has not begun to accept.
    ///
    /// `report` is told of a handler's error; if it throws, the server closes.
    init(
        _ listener: ListeningSocket, options: ServerOptions, on loop: EventLoop,
        report: @escaping @Sendable (Connection, any Error) throws -> Void,
        handler: @escaping @Sendable (Connection) async throws -> Void
    ) {
        self.loop = loop
        self.options = options
        self.listener = listener
        self.handler = handler
        self.report = report
        limit =
            options.connectionLimit
            ?? ConnectionLimit(options.maxConnections ?? ServerOptions.defaultMaxConnections)
        state = Mutex(ServerState(isDropping: options.dropIncomingConnections))
        changed = LoopCondition(on: loop)
    }

    /// Begins to accept; those who are there already are accepted before it returns.
    ///
    /// Only on the loop.
    func start() {
        let acceptor = Acceptor(
            listener, limit: limit, batch: options.maxAcceptsPerBatch, on: loop,
            Acceptor.Actions(
                // Strongly: a server that nobody holds goes on until it is closed.
                isDropping: { self.isDropping },
                start: { self.start($0) },
                drop: { self.drop($0) },
                emit: { self.emit($0) }))
        self.acceptor.withLock { $0 = acceptor }
        if options.beginsHeld { acceptor.beginHeld() }
        acceptor.start()
    }

    // MARK: Questions

    var numConnections: Int { state.withLock { $0.count } }
    var isClosed: Bool { state.withLock { $0.isClosed } }
    var failure: (any Error)? { state.withLock { $0.failure } }
    var isDropping: Bool { state.withLock { $0.isDropping } }

    func setDropping(_ isDropping: Bool) {
        state.withLock { $0.isDropping = isDropping }
        loop.execute { self.currentAcceptor?.proceed() }
    }

    /// Accepts nobody until ``releaseAccepting()``.
    ///
    /// Holds are counted. Only on the loop.
    func holdAccepting() { currentAcceptor?.hold() }

    /// Takes one hold away.
    ///
    /// Only on the loop.
    func releaseAccepting() { currentAcceptor?.release() }

    // MARK: One connection

    private func start(_ accepted: AcceptedConnection) {
        let socket = ConnectedSocket(accepted, localAddress: listener.addressOfConnections, on: loop)
        start(Connection(id: options.numbering.next(), socket: socket))
    }

    /// Serves a connection in a slot that was taken for it.
    ///
    /// Only on the loop.
    /// - Returns: false when the server was closed; then the connection is, too.
    @discardableResult
    func start(_ connection: Connection) -> Bool {
        guard state.withLock({ $0.accepted(connection) }) else {
            discard(connection, wasTold: false)
            return false
        }
        emit(.connectionAccepted(connection))
        begin(connection)
        return true
    }

    private func begin(_ connection: Connection) {
        // It is counted until it ends.
        _ = Task(executorPreference: loop) { await self.serve(connection) }
    }

    /// Listens nowhere, and serves connections that an earlier daemon had.
    func goOn(with survivors: [Connection]) {
        limit.takeForSurvivors(survivors.count)
        state.withLock { state in
            _ = state.close()
            state.listenerClosed()
            for connection in survivors { state.survived(connection) }
        }
        for connection in survivors { begin(connection) }
    }

    private func drop(_ accepted: AcceptedConnection) {
        let socket = ConnectedSocket(accepted, localAddress: nil, on: loop)
        socket.closeNow()
        emit(.connectionRefused(peer: socket.peer))
    }

    private func serve(_ connection: Connection) async {
        // Here, not when the task was made: close may have come in between, and then no handler is called.
        guard state.withLock({ $0.begin(connection.id) }) else { return discard(connection, wasTold: true) }
        var failure: (any Error)?
        do { try await handler(connection) } catch { failure = error }
        await loop.perform { connection.socket.closeNow() }
        end(connection, failure)
    }

    private func discard(_ connection: Connection, wasTold: Bool) {
        connection.closeNow()
        state.withLock { $0.ended(connection.id) }
        emit(.connectionRefused(peer: connection.peer))
        if wasTold { tellEnd(connection, nil) }
        releaseSlot()
    }

    // The order is a promise: the socket is closed; the connection leaves the count; its error is told; then somebody
    // else may have the slot.
    private func end(_ connection: Connection, _ failure: (any Error)?) {
        state.withLock { $0.ended(connection.id) }
        let error = failure.flatMap { isOurDoing($0, connection) ? nil : $0 }
        tellEnd(connection, error)
        if let error { tell(error, connection) }
        releaseSlot()
    }

    private func tellEnd(_ connection: Connection, _ error: (any Error)?) {
        emit(.connectionEnded(connection, duration: loop.now - connection.acceptedAt, error: error))
    }

    private func releaseSlot() {
        limit.giveBack()
        currentAcceptor?.connectionEnded()
        changed.signal()
    }

    /// Whether the server itself, or a peer that has left, is behind a handler's error.
    private func isOurDoing(_ failure: any Error, _ connection: Connection) -> Bool {
        switch failure {
        case let error as ServerError:
            error.code == .peerGone || (connection.isClosedByServer && error.code == .closed)
        case let error as Errno:
            connection.isClosedByServer && error == .badFileDescriptor
        default:
            false
        }
    }

    private func tell(_ failure: any Error, _ connection: Connection) {
        emit(.handlerFailed(id: connection.id, peer: connection.peer, error: failure))
        do {
            try report(connection, failure)
        } catch {
            if state.withLock({ $0.close(because: error) }) { closeListener() }
        }
    }

    // MARK: Closing

    nonisolated(nonsending) func close(closeExistingConnections: Bool) async {
        let isFirst = state.withLock { $0.close() }
        let existing = closeExistingConnections ? state.withLock { $0.connections } : []
        await loop.perform {
            if isFirst { self.closeListener() }
            for connection in existing { connection.closeNow() }
        }
        for connection in existing { await connection.close() }
        await closeFinished()
    }

    /// Closes, and leaves the connections alone.
    ///
    /// Only on the loop.
    func closeNow() {
        if state.withLock({ $0.close() }) { closeListener() }
    }

    nonisolated(nonsending) func finishAccepting() async {
        if state.withLock({ $0.finish() }) {
            await loop.perform {
                self.currentAcceptor?.finish {
                    if self.state.withLock({ $0.finished() }) { self.closeListener() }
                }
            }
        }
        await closeFinished()
    }

    private func closeListener() {
        let acceptor = acceptor.withLock { $0.take() }
        acceptor?.stop()
        listener.close()
        state.withLock { $0.listenerClosed() }
        emit(.closed(error: failure))
        changed.signal()
    }

    /// - Returns: false when the task was cancelled first.
    @discardableResult
    func closeFinished() async -> Bool {
        await changed.wait { self.state.withLock { $0.phase == .closed } }
    }

    func closeFinishedAndHandlersDetermined() async {
        await changed.wait { self.state.withLock { $0.phase == .closed && $0.count == 0 } }
    }

    private var currentAcceptor: Acceptor? { acceptor.withLock { $0 } }

    private func emit(_ event: ServerEvent) { options.onEvent?(event) }
}
