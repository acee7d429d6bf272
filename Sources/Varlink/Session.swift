// SPDX-License-Identifier: Apache-2.0
// The two ends of a connection, without the connection: bytes in, calls or replies out.

/// The server's end of a connection.
package struct ServerSession: Sendable {
    /// The longest call that is accepted, in bytes: 1 MiB.
    package static let callLimit = 1 << 20
    private var framer = MessageFramer(limit: callLimit)

    /// The end of a connection on which nothing was received.
    package init() {}

    /// How many of the bytes that wait to be received belong to the call that they begin or go on with.
    ///
    /// A server that looks at what has come, with `MSG_PEEK`, and receives only so many leaves what follows a call that
    /// upgrades the connection to whom it is for.
    package static func lengthOfCall(in peeked: some Collection<UInt8>) -> Int {
        guard let end = peeked.firstIndex(of: 0) else { return peeked.count }
        return peeked.distance(from: peeked.startIndex, to: end) + 1
    }

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

extension ServerSession {
    /// Answers the first call of a caller by `error`, whatever it asks for, and returns.
    ///
    /// Throws a ``ProtocolViolation``, and what `receive` and `send` throw.
    package static func refuse(
        with error: VarlinkError, receive: () async throws -> [UInt8]?, send: SendBytes
    ) async throws {
        var session = ServerSession()
        while let bytes = try await receive() {
            session.receive(bytes)
            guard let call = try session.nextCall() else { continue }
            if call.mode != .oneway { try await send(Reply.encode(error)) }
            return
        }
    }
}

/// The client's end of a connection.
package struct ClientSession: Sendable {
    /// The longest reply that is accepted, in bytes: 16 MiB, as systemd has it.
    package static let replyLimit = 16 << 20
    private var framer = MessageFramer(limit: replyLimit)
    /// The calls that are not yet answered, oldest first.
    private var waiting: [CallMode] = []
    /// Whether a call was answered by an upgrade: the connection is no longer Varlink, and no more calls can be sent.
    package private(set) var isUpgraded = false

    /// The end of a connection on which nothing was sent.
    package init() {}

    /// Whether a call is not yet answered, or not to its end.
    package var isWaiting: Bool { !waiting.isEmpty }

    /// The bytes to send for a call.
    ///
    /// Calls may be sent before earlier ones are answered; replies come in their order. To send a call behind one that
    /// may upgrade the connection is our bug, and traps: the bytes might be for somebody else.
    package mutating func call<Method: VarlinkMethod>(
        _ method: Method.Type, _ parameters: Method.Parameters, mode: CallMode = .once
    ) -> [UInt8] {
        call(method.fullName, parameters, mode: mode)
    }

    /// The bytes to send for a call of the method with this full name.
    package mutating func call(
        _ method: String, _ parameters: some VarlinkObject, mode: CallMode = .once
    ) -> [UInt8] {
        precondition(!isUpgraded && waiting.last != .upgrade, "a call of \(method) behind an upgrade")
        if mode != .oneway { waiting.append(mode) }
        return Call.encode(method, parameters, mode: mode)
    }

    /// Adds bytes that were received.
    package mutating func receive(_ bytes: some Sequence<UInt8>) {
        framer.append(bytes)
    }

    /// Takes the next reply, which is to the oldest call that is not answered to its end; `nil` while there is none.
    ///
    /// Of a call with `more` that one with ``Reply/continues`` not set is the last. After a throw the connection must be
    /// closed.
    package mutating func nextReply() throws(ProtocolViolation) -> Reply? {
        guard !isUpgraded, let message = try framer.next() else { return nil }
        let reply = try Reply(message: message)
        guard let mode = waiting.first else { throw .unexpectedReply }
        guard !reply.continues || mode == .more else { throw .unwantedContinuation }
        if !reply.continues { waiting.removeFirst() }
        isUpgraded = mode == .upgrade && reply.error == nil
        return reply
    }

    /// The bytes after the last reply that was taken.
    ///
    /// Once it has upgraded the connection, they are the new protocol's.
    package var unconsumed: ArraySlice<UInt8> { framer.unconsumed }
}
