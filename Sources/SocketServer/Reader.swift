// SPDX-License-Identifier: Apache-2.0
// The reading end of a connection.

internal import Sockets
internal import Synchronization

/// The bytes that the peer sends.
public final class Reader: Sendable {
    private let socket: ConnectedSocket
    private let closed = Atomic(false)

    init(_ socket: ConnectedSocket) {
        self.socket = socket
    }

    /// Waits for bytes and returns some of them, at most `count`; `nil` at the end of the stream.
    ///
    /// A peer that has gone away and a connection that was closed on this side both read as the end. One task at a time.
    /// - Throws: `CancellationError` when the task is cancelled, nothing is lost then; ``ServerError`` with code
    ///   `readFailed` for any other reason.
    public func read(upTo count: Int = 65_536) async throws -> [UInt8]? {
        precondition(count > 0, "a read of \(count) bytes")
        guard !isClosed, let bytes = try await socket.read(upTo: count), !isClosed else { return nil }
        return bytes
    }

    /// Reads as the end from now on.
    ///
    /// The peer is not told, and the socket stays open for the writer. Harmless when repeated.
    public func close() { closed.store(true, ordering: .relaxed) }

    /// Whether it was closed.
    public var isClosed: Bool { closed.load(ordering: .relaxed) }
}
