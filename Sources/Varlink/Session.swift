// SPDX-License-Identifier: Apache-2.0
// The two ends of a connection, without the connection: bytes in, calls or replies out.

/// The server's end of a connection.
package struct ServerSession: Sendable {
    /// The longest call that is accepted, in bytes: 1 MiB.
    package static let callLimit = 1 << 20
    private var framer = MessageFramer(limit: callLimit)

    /// The end of a connection on which nothing was received.
    package init() {}

    /// Adds bytes that were received.
    package mutating func receive(_ bytes: some Sequence<UInt8>) {
        framer.append(bytes)
    }

    /// Takes the next call; `nil` while there is none.
    ///
    /// After a throw the connection must be closed.
    package mutating func nextCall() throws(ProtocolViolation) -> Call? {
        guard let message = try framer.next() else { return nil }
        return try Call(message: message)
    }

    /// The bytes after the last call that was taken.
    ///
    /// Once it has upgraded the connection, they are the new protocol's.
    package var unconsumed: ArraySlice<UInt8> { framer.unconsumed }
}

/// The client's end of a connection.
package struct ClientSession: Sendable {
    /// The longest reply that is accepted, in bytes: 16 MiB, as systemd has it.
    package static let replyLimit = 16 << 20
    private var framer = MessageFramer(limit: replyLimit)
    /// The calls that are not yet answered, oldest first.
    private var waiting: [CallMode] = []

    /// The end of a connection on which nothing was sent.
    package init() {}

    /// The bytes to send for a call.
    ///
    /// Calls may be sent before earlier ones are answered; replies come in their order.
    package mutating func call(
        _ method: String, _ parameters: some VarlinkObject, mode: CallMode = .once
    ) -> [UInt8] {
        if mode != .oneway { waiting.append(mode) }
        return Call.encode(method, parameters, mode: mode)
    }

    /// Adds bytes that were received.
    package mutating func receive(_ bytes: some Sequence<UInt8>) {
        framer.append(bytes)
    }

    /// Takes the next reply, which is to the oldest call that is not answered; `nil` while there is none.
    ///
    /// After a throw the connection must be closed.
    package mutating func nextReply() throws(ProtocolViolation) -> Reply? {
        guard let message = try framer.next() else { return nil }
        let reply = try Reply(message: message)
        guard let mode = waiting.first else { throw .unexpectedReply }
        guard !reply.continues || mode == .more else { throw .unwantedContinuation }
        if !reply.continues { waiting.removeFirst() }
        return reply
    }

    /// The bytes after the last reply that was taken.
    ///
    /// Once it has upgraded the connection, they are the new protocol's.
    package var unconsumed: ArraySlice<UInt8> { framer.unconsumed }
}
