// SPDX-License-Identifier: Apache-2.0
// The reading end of a connection.

internal import Sockets
internal import Synchronization
internal import SystemPackage

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
        guard !isClosed else { return nil }
        do {
            let bytes = try await socket.receive(upTo: count)
            return bytes.isEmpty || isClosed ? nil : bytes
        } catch let error {
            switch error {
            case .canceled: throw CancellationError()
            case .badFileDescriptor: return nil
            default:
                if error.meansPeerGone { return nil }
                throw ServerError(.readFailed, "cannot read from \(socket.peer): \(error)", errno: error)
            }
        }
    }

    /// Reads as the end from now on.
    ///
    /// The peer is not told, and the socket stays open for the writer. Harmless when repeated.
    public func close() { closed.store(true, ordering: .relaxed) }

    /// Whether it was closed.
    public var isClosed: Bool { closed.load(ordering: .relaxed) }
}

extension Errno {
    /// Whether a failed read or write says that the peer, or the way to it, is gone.
    var meansPeerGone: Bool {
        switch self {
        case .brokenPipe, .connectionReset, .connectionAbort, .timedOut, .networkDown, .networkUnreachable,
            .networkReset, .noRouteToHost, .hostIsDown, .socketNotConnected:
            true
        default: false
        }
    }
}
