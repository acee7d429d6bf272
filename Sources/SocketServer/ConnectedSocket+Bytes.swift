// SPDX-License-Identifier: Apache-2.0
// Reading from and writing to a connection's socket without a Reader and a Writer: for handlers of `createSocket`.

internal import Descriptors
public import Sockets
internal import SystemPackage

extension ConnectedSocket {
    /// Waits for bytes and returns some of them, at most `count`; `nil` at the end of the stream.
    ///
    /// A peer that has gone away and a connection that was closed on this side both read as the end. One task at a time
    /// may read; another may write meanwhile. From any task: it hops to the loop, which it never blocks.
    /// - Throws: `CancellationError` when the task is cancelled, nothing is lost then; ``ServerError`` with code
    ///   `readFailed` for any other reason.
    public func read(upTo count: Int = 65_536) async throws -> [UInt8]? {
        precondition(count > 0, "a read of \(count) bytes")
        do {
            let bytes = try await receive(upTo: count)
            return bytes.isEmpty ? nil : bytes
        } catch let error {
            switch error {
            case .canceled: throw CancellationError()
            case .badFileDescriptor: return nil
            default:
                if error.meansPeerGone { return nil }
                throw ServerError(.readFailed, "cannot read from \(peer): \(error.textWithName)", errno: error)
            }
        }
    }

    /// Writes all of the bytes; returns when the system has taken the last of them.
    ///
    /// It waits while the peer does not read what it was sent before, for as long as that takes: unlike ``Writer`` it
    /// keeps nothing and knows no age limit. One task at a time may write; another may read meanwhile. From any task:
    /// it hops to the loop, which it never blocks.
    /// - Throws: ``ServerError`` with code `peerGone`, `closed` when the connection was closed on this side, or
    ///   `writeFailed`; `CancellationError` when the task is cancelled while it waits. In each case nobody knows how
    ///   many of the bytes have got out: the connection is good for nothing but to be closed.
    public func write(_ bytes: some Collection<UInt8> & Sendable) async throws {
        do {
            try await sendAll(Array(bytes)[...])
        } catch let error {
            throw error == .canceled ? CancellationError() : ServerError(writingTo: peer, error)
        }
    }

    /// Writes a text, as UTF-8.
    /// - Throws: as ``write(_:)``.
    public func write(_ text: String) async throws { try await write(Array(text.utf8)) }
}
