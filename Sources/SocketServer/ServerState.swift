// SPDX-License-Identifier: Apache-2.0
// The state of a server as a value: one mutating method an event, answering what is to be done.

/// The state of a server.
///
/// | phase | accepts | listening socket | leaves it by |
/// |---|---|---|---|
/// | open | yes | open | `finish`, `close` |
/// | finishing | what is in the queue | open, behind a barrier | `close` |
/// | closing | no | about to be closed | `listenerClosed` |
/// | closed | no | closed | |
struct ServerState {
    enum Phase {
        case open, finishing, closing, closed
    }

    private struct Entry {
        let connection: Connection
        var isServed = false
        var isForgotten = false
    }

    private(set) var phase = Phase.open
    private var entries: [UInt64: Entry] = [:]
    private(set) var failure: (any Error)?
    var isDropping: Bool

    init(isDropping: Bool) {
        self.isDropping = isDropping
    }

    /// Connections that were accepted and whose end, socket closed and handler done, has not come.
    var count: Int { entries.count }

    /// Whether close was called, by the owner or by a failing handler.
    var isClosed: Bool { phase == .closing || phase == .closed }

    var connections: [Connection] { entries.values.map(\.connection) }

    /// A connection was accepted.
    ///
    /// It counts from now on.
    /// - Returns: whether it may be served; not after close.
    mutating func accepted(_ connection: Connection) -> Bool {
        guard !isClosed else { return false }
        entries[connection.id] = Entry(connection: connection)
        return true
    }

    /// A connection of an earlier daemon goes on here, though nobody is accepted any more.
    mutating func survived(_ connection: Connection) {
        entries[connection.id] = Entry(connection: connection, isServed: true)
    }

    /// The handler's body is about to start.
    /// - Returns: whether it may. Close may have come between accept and now.
    mutating func begin(_ id: UInt64) -> Bool {
        guard entries[id]?.isForgotten == false else { return false }
        entries[id]?.isServed = true
        return true
    }

    /// The handler is done, or was never called, and the socket closed.
    mutating func ended(_ id: UInt64) { entries[id] = nil }

    /// - Returns: whether this call is the one that must raise the barrier.
    mutating func finish() -> Bool {
        guard phase == .open else { return false }
        phase = .finishing
        return true
    }

    /// Close was called, with the error that is the reason if there is one.
    ///
    /// Connections whose handler has not started are forgotten here and now: their handler is never called. They count
    /// until their socket is closed.
    /// - Returns: whether this call is the one that must close the listening socket.
    mutating func close(because error: (any Error)? = nil) -> Bool {
        if failure == nil { failure = error }
        for (id, entry) in entries where !entry.isServed { entries[id]?.isForgotten = true }
        return finished()
    }

    /// Nobody is left in the queue of a server that finishes.
    ///
    /// Those who were accepted last are still served.
    /// - Returns: whether this call is the one that must close the listening socket.
    mutating func finished() -> Bool {
        guard !isClosed else { return false }
        phase = .closing
        return true
    }

    /// The listening socket's close(2) has returned.
    mutating func listenerClosed() { phase = .closed }
}
