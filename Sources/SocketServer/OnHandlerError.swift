// SPDX-License-Identifier: Apache-2.0
// What a server does when a handler throws.

/// What a server does when a handler throws: the original's `on_handler_error`.
///
/// It is consulted after the connection's socket is closed and the connection is not counted any more. Failures that
/// the server itself caused by closing a connection, and a peer that goes away while it is written to, are no handler's
/// errors.
public enum OnHandlerError<Address: Sendable>: Sendable {
    /// Stop accepting, close the listening socket, and let ``Server/closeFinishedThrowing()`` throw the error. Other
    /// connections live on.
    case raise
    /// Nothing, and accept on.
    case ignore
    /// Call this on the loop. If it throws, that is as ``raise`` with the error it threw.
    case call(@Sendable (Address, any Error) throws -> Void)
}
