// SPDX-License-Identifier: Apache-2.0
// The cutting of a byte stream into messages that end with a NUL byte.

/// Cuts a stream of bytes, however fragmented, into messages.
///
/// Messages are taken one at a time, and it is guaranteed that nothing beyond a taken message's NUL has been looked at:
/// after a call that upgrades the connection, ``unconsumed`` is what already belongs to the new protocol.
package struct MessageFramer: Sendable {
    /// The longest message that is accepted, in bytes, its NUL not counted.
    package let limit: Int
    private var buffer: [UInt8] = []
    /// Where the message that is taken next begins in `buffer`.
    private var start = 0
    /// Up to where no NUL was found, so that a message that comes byte by byte is not searched again and again.
    private var searched = 0

    /// A framer that accepts messages of up to `limit` bytes.
    package init(limit: Int) {
        self.limit = limit
    }

    /// The bytes that were received and not taken as messages.
    package var unconsumed: ArraySlice<UInt8> { buffer[start...] }

    /// Adds bytes that were received.
    ///
    /// They are kept until messages are taken: take all there are before receiving more.
    package mutating func append(_ bytes: some Sequence<UInt8>) {
        if start > 0 {
            buffer.removeFirst(start)
            searched -= start
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// Takes the next whole message, without its NUL; `nil` while there is none.
    ///
    /// A message beyond ``limit`` throws, as soon as its length is known, and again whenever this is called after that.
    package mutating func next() throws(ProtocolViolation) -> ArraySlice<UInt8>? {
        let end = buffer[searched...].firstIndex(of: 0)
        searched = end ?? buffer.endIndex
        guard searched - start <= limit else { throw .messageTooLong(limit: limit) }
        guard let end else { return nil }
        defer {
            start = end + 1
            searched = start
        }
        return buffer[start..<end]
    }
}
