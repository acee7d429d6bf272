// SPDX-License-Identifier: Apache-2.0
// The public face of a server: the port of `Tcp.Server`, its promises and its questions.

internal import EventLoops
public import Policy
internal import Sockets
internal import SystemPackage

/// A server of stream connections: the port of `Tcp.Server` of OCaml's Async.
///
/// It is guaranteed that
/// * there are never more than `maxConnections` connections; at the limit the server does not accept, and clients wait
///   in the backlog;
/// * the handler is never called after ``close(closeExistingConnections:)``;
/// * a connection is counted until its handler is done and its socket closed, on every path;
/// * accepting recovers from every error of accept(2).
///
/// `isClosed`, `numConnections` and the other properties answer at once, from any thread.
public final class Server<Address: Sendable, ListeningOn: Sendable>: Sendable {
    /// Where it listens: the port that the system chose, the path as it was given.
    ///
    /// Answers after close too: `listening_on`.
    public let listeningOn: ListeningOn
    let onHandlerError: OnHandlerError<Address>
    let core: ServerCore

    init(_ core: ServerCore, listeningOn: ListeningOn, onHandlerError: OnHandlerError<Address>) {
        self.core = core
        self.listeningOn = listeningOn
        self.onHandlerError = onHandlerError
    }

    /// The full address it listens on; answers after close too: `listening_on_address`.
    public var listeningOnAddress: SocketAddress { core.listener.address }

    /// Whether close was called, by anybody; also after a handler's error closed the server: `is_closed`.
    public var isClosed: Bool { core.isClosed }

    /// Connections accepted whose end has not come, from before their handler starts until it is done and the socket is
    /// closed: `num_connections`.
    public var numConnections: Int { core.numConnections }

    /// The error that closed the server, if one did: with ``OnHandlerError/raise``, the first handler's error.
    public var handlerFailure: (any Error)? { core.failure }

    /// Whether each new connection is closed at once: `is_dropping_incoming_connections`.
    public var isDroppingIncomingConnections: Bool { core.isDropping }

    /// Begins or ends closing each new connection at once, without calling the handler or counting it.
    ///
    /// Works at the limit too. Those that are there are not affected: `set_drop_incoming_connections`.
    public func setDropIncomingConnections(_ isDropping: Bool) { core.setDropping(isDropping) }

    /// Lends the listening socket's descriptor, to look at its options; `nil` after close: `listening_socket`.
    ///
    /// Accepting on it, or closing it, breaks the server's promises.
    public func withListeningSocket<Result: Sendable>(_ body: (Int32) throws -> Result) rethrows -> Result? {
        try core.listener.withDescriptor(body)
    }

    // MARK: Closing

    /// Stops accepting and closes the listening socket; returns when close(2) has: `close`.
    ///
    /// ``isClosed`` is true before the first suspension. Clients in the backlog are dropped by the system; see
    /// ``finishAccepting()``. Repeated and concurrent calls are harmless and return together with the first. Existing
    /// connections and their handlers go on, unless `closeExistingConnections`: then their sockets are closed as well,
    /// also by a call after a plain `close`, and the call waits for that, but not for the handlers, which are not
    /// cancelled. Cancelling the caller does not undo the close. A server that is not closed goes on, also when nobody
    /// holds it any more.
    nonisolated(nonsending) public func close(closeExistingConnections: Bool = false) async {
        await core.close(closeExistingConnections: closeExistingConnections)
    }

    /// Closes without losing a client who has connected: nobody new gets in, those in the queue are served within the
    /// limit, then the server closes.
    ///
    /// Returns when it has. A ``close(closeExistingConnections:)`` meanwhile ends the waiting. An inherited socket is
    /// closed at once after what is queued was accepted: its queue belongs to its next owner.
    nonisolated(nonsending) public func finishAccepting() async { await core.finishAccepting() }

    /// Returns when the listening socket is closed, without closing it: `close_finished`.
    ///
    /// Returns too when the caller is cancelled; that closes nothing.
    public func closeFinished() async { await core.closeFinished() }

    /// As ``closeFinished()``, and throws the error that closed the server, if one did.
    /// - Throws: that error; `CancellationError` when the caller is cancelled before.
    public func closeFinishedThrowing() async throws {
        guard await core.closeFinished() else { throw CancellationError() }
        if let failure = core.failure { throw failure }
    }

    /// Returns when the listening socket is closed and no connection is left: `close_finished_and_handlers_determined`.
    ///
    /// Returns too when the caller is cancelled; that closes nothing.
    public func closeFinishedAndHandlersDetermined() async { await core.closeFinishedAndHandlersDetermined() }

    /// Traps when the server's numbers contradict each other: `invariant`.
    public func checkInvariant() {
        let count = numConnections
        precondition(core.limit.maximum >= 1, "the limit is \(core.limit.maximum)")
        precondition(count >= 0 && count <= core.limit.maximum, "\(count) connections, limit \(core.limit.maximum)")
        precondition(core.options.maxAcceptsPerBatch >= 1, "a batch of \(core.options.maxAcceptsPerBatch)")
    }
}

extension Server where Address == InetAddress, ListeningOn == UInt16 {
    /// A TCP server: `Tcp.Server.inet`.
    public typealias Inet = Server<InetAddress, UInt16>
}

extension Server where Address == UnixAddress, ListeningOn == String {
    /// A server on a Unix socket: `Tcp.Server.unix`.
    public typealias Unix = Server<UnixAddress, String>
}

extension Server: CustomStringConvertible {
    /// For debugging; the format is not stable: `sexp_of_t`.
    public var description: String {
        let error =
            switch onHandlerError {
            case .raise: "raise"
            case .ignore: "ignore"
            case .call: "call"
            }
        return "Server(on: \(listeningOnAddress), connections: \(numConnections)/\(core.limit.maximum), "
            + "onHandlerError: \(error), isClosed: \(isClosed))"
    }
}
