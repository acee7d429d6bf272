// SPDX-License-Identifier: Apache-2.0
// One accepted connection, from accept to close, in process or handed over to a program.

internal import EventLoops
public import Policy
public import Sockets

// Safe: the state is touched only on the loop's thread.
/// One accepted connection.
///
/// | state | who owns the socket | leaves it by |
/// |---|---|---|
/// | served | this process, through ``socket`` | the handler's end, ``close()``, ``handOver(stop:ended:)`` |
/// | handed over | whoever got a copy; ours is closed | `ended` returns |
/// | ended | nobody | |
public final class Connection: @unchecked Sendable {
    /// Identifies it among all connections of this process's servers that share a numbering; never used again.
    public let id: UInt64
    /// Whether the server's owner has given it to the server, which has not accepted it itself.
    package let isGiven: Bool
    /// The connected socket.
    ///
    /// It is closed when the handler has returned.
    public let socket: ConnectedSocket
    /// When it was accepted, on the loop's clock.
    package let acceptedAt: Duration
    /// When it was accepted, in microseconds since the epoch: always the same number, however often it is asked for.
    ///
    /// Only on the loop.
    package private(set) lazy var acceptedTimestamp = WallClock.microseconds(in: acceptedAt - socket.loop.now)
    private let released: LoopCondition
    private var stop: (@Sendable () -> Void)?
    private var isHandedOver = false
    /// Whether somebody else has it: then it does not end with this process.
    ///
    /// Only on the loop.
    package var isWithOther: Bool { isHandedOver }
    /// Whether ``close()`` was called, or the server closed it.
    ///
    /// Only on the loop.
    package private(set) var isClosedByServer = false

    init(id: UInt64, socket: ConnectedSocket, isGiven: Bool = false) {
        self.id = id
        self.socket = socket
        self.isGiven = isGiven
        acceptedAt = socket.loop.now
        released = LoopCondition(on: socket.loop)
    }

    /// A connection that somebody else has got from an earlier daemon, under the id that it had there.
    package init(surviving id: UInt64, socket: ConnectedSocket, acceptedAt: Duration, isGiven: Bool) {
        self.id = id
        self.socket = socket
        self.isGiven = isGiven
        self.acceptedAt = acceptedAt
        released = LoopCondition(on: socket.loop)
        isHandedOver = true
    }

    /// The other end.
    public var peer: SocketAddress { socket.peer }

    /// Says that somebody else, such as a program, now serves the connection with a copy of its socket.
    ///
    /// Our copy is closed at once, without shutdown: the other owner alone decides when the peer sees the end. The
    /// connection still counts, and its slot stays taken, until `ended` returns; so does this call. Cancellation is
    /// left to `ended`.
    /// - Parameters:
    ///   - stop: Asks the other owner to end; called on the loop when the connection is to be closed, at most once.
    ///   - ended: Returns when the other owner is done with the connection.
    public func handOver(stop: @escaping @Sendable () -> Void, ended: @Sendable () async -> Void) async {
        await socket.loop.perform {
            self.socket.closeOwnDescriptor()
            self.isHandedOver = true
            if self.isClosedByServer { stop() } else { self.stop = stop }
        }
        await ended()
        await socket.loop.perform {
            self.isHandedOver = false
            self.stop = nil
            self.released.signal()
        }
    }

    /// Ends the connection: shuts its socket down and closes it, or asks the program that has it to end.
    ///
    /// Returns when the socket is closed, for a connection that was handed over when that has ended; not when the
    /// handler returns, which is not cancelled: its reads see the end, its writes fail. Harmless when repeated.
    public func close() async {
        await socket.loop.perform { self.closeNow() }
        await released.wait { !self.isHandedOver }
    }

    /// The part of ``close()`` that does not wait.
    ///
    /// Only on the loop.
    package func closeNow() {
        isClosedByServer = true
        if let stop {
            self.stop = nil
            stop()
        } else if !isHandedOver {
            socket.closeNow()
        }
    }
}
