// SPDX-License-Identifier: Apache-2.0
// What a server tells about itself: the library logs nothing.

public import Policy
internal import SystemPackage

/// Something that happened in a server, for its owner to log or count.
///
/// Events are delivered on the loop, in the order in which things happened. Conditions that last are told once a minute
/// at most.
public enum ServerEvent: Sendable {
    /// A connection was accepted and counted; its end is told too, whatever becomes of it.
    case connectionAccepted(Connection)
    /// A connection has ended: its socket is closed and it is not counted any more.
    ///
    /// `error` is what its handler threw, unless the server itself, or a peer that has left, is behind that.
    case connectionEnded(Connection, duration: Duration, error: (any Error)?)
    /// A connection was refused: accepted and closed at once, because the server drops them or was closed. When it was
    /// closed only before the handler's start, the connection's end follows.
    case connectionRefused(peer: SocketAddress)
    /// There is a client and no slot: clients wait in the backlog.
    case atConnectionLimit(limit: Int)
    /// accept(2) failed for one client, and the next one was looked at.
    case acceptFailed(errno: Int32)
    /// accept(2), or the waiting for a client, failed for want of descriptors or memory, or for a reason that may last:
    /// accepting pauses, and resumes when a connection closes or after `retryAfter`. `failures` counts those since the
    /// last such event.
    case acceptPaused(errno: Int32, failures: Int, retryAfter: Duration)
    /// A handler threw.
    case handlerFailed(id: UInt64, peer: SocketAddress, error: any Error)
    /// The server does not accept any more and its socket is closed; with the error that closed it, if one did.
    case closed(error: (any Error)?)
}
