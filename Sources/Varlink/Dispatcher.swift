// SPDX-License-Identifier: Apache-2.0
// The way from a call to the method that answers it.

/// How the serving of a connection ended.
package enum ServingEnd<Upgrade: Sendable>: Sendable {
    /// The caller has no more calls, or is gone.
    case finished
    /// The connection is no longer Varlink: it belongs to whom `upgrade` says.
    ///
    /// The reply is sent. `unconsumed` was received after the call and is the first the caller has said in the new
    /// protocol: nothing, if `receive` took care of that.
    case upgraded(Upgrade, unconsumed: [UInt8])
}

/// A Varlink service: interfaces and who answers their methods.
///
/// `org.varlink.service` is always among them.
package struct Dispatcher<Caller: VarlinkCaller>: Sendable {
    /// The longest reply that is sent when nothing else is said, in bytes: the longest that clients accept.
    package static var defaultReplyLimit: Int { ClientSession.replyLimit }

    /// How a call was answered.
    package enum Answer: Sendable {
        /// With a reply or an error, or, as it wished, not at all.
        case answered
        /// Not to its end: the caller is gone.
        case callerGone
        /// With a reply after which the connection is no longer Varlink.
        case upgraded(Caller.Upgrade)
    }

    private let interfaces: [String: Interface<Caller>]
    private let replyLimit: Int

    /// A service that presents itself as `identity` and serves `interfaces`.
    ///
    /// In place of a reply with more than `replyLimit` bytes it sends the error `ReplyTooLong` of the method's
    /// interface. Two interfaces of one name are our bug, and trap.
    package init(
        identity: ServiceIdentity, interfaces: [Interface<Caller>], replyLimit: Int = Self.defaultReplyLimit
    ) {
        let all = [serviceInterface(identity: identity, describing: interfaces)] + interfaces
        self.interfaces = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
        self.replyLimit = replyLimit
    }

    /// Serves one connection until its end: receives, and answers calls one after the other, in their order.
    ///
    /// While a call is answered nothing is received: a caller who sends more than it lets be answered waits.
    ///
    /// A ``ProtocolViolation`` is thrown, after which the connection must be closed; so is what `receive` and `send`
    /// throw. Cancellation is theirs, and the handlers'.
    /// - Parameters:
    ///   - receive: Returns bytes, or `nil` at the end of the stream. Where a method upgrades the connection it must
    ///     not return bytes beyond a call's: see ``ServerSession/lengthOfCall(in:)``.
    ///   - send: Sends bytes; it waits while too many wait to be sent.
    ///   - hangUp: Returns when the caller has closed its connection, and when it is cancelled. A caller who has closed
    ///     only the direction in which it sends still waits for its replies, and has not. Without it such a caller
    ///     is noticed when something is sent to it.
    ///   - yield: Is awaited before each call is looked for, for others to have their turn: a caller can have sent
    ///     thousands before, and any may be long.
    package func serve(
        _ caller: Caller, receive: () async throws -> [UInt8]?, send: @escaping SendBytes,
        hangUp: (@Sendable () async -> Void)? = nil, yield: () async -> Void = {}
    ) async throws -> ServingEnd<Caller.Upgrade> {
        var session = ServerSession()
        while let bytes = try await receive() {
            session.receive(bytes)
            while true {
                await yield()
                guard let call = try session.nextCall() else { break }
                switch try await answer(call, from: caller, send: send, hangUp: hangUp) {
                case .answered: break
                case .callerGone: return .finished
                case .upgraded(let upgrade): return .upgraded(upgrade, unconsumed: Array(session.unconsumed))
                }
            }
        }
        return .finished
    }

    /// Answers one call.
    ///
    /// Whatever is wrong with it is answered by an error; nothing is sent if it is `oneway`.
    ///
    /// Throws only what `send` throws, and what a streaming handler lets through that is no ``VarlinkError``.
    package func answer(
        _ call: Call, from caller: Caller, send: @escaping SendBytes, hangUp: (@Sendable () async -> Void)? = nil
    ) async throws -> Answer {
        let reply = replying(to: call, send)
        do {
            // An unknown interface is an unknown method too; InterfaceNotFound is for descriptions.
            let interface = interfaces[String(call.interface)]
            guard let interface, let method = interface.methods[String(call.name)] else {
                throw VarlinkError.methodNotFound(call.method)
            }
            try interface.authorize(method.name, caller)
            return try await perform(method, call, caller, reply, hangUp)
        } catch let error as VarlinkError {
            try await reply(Reply.encode(error))
            return .answered
        }
    }

    private func perform(
        _ method: Method<Caller>, _ call: Call, _ caller: Caller, _ reply: @escaping SendBytes,
        _ hangUp: (@Sendable () async -> Void)?
    ) async throws -> Answer {
        switch method.kind {
        case .upgrading(let answer):
            return .upgraded(try await answer(call, caller, reply))
        case _ where call.mode == .upgrade:
            // A plain reply would tell the caller that the connection is upgraded.
            throw VarlinkError.methodNotImplemented(call.method)
        case .short(let answer):
            try await answer(call, caller, reply)
        case .long(let answer):
            let work = { @Sendable in try await answer(call, caller, reply) }
            guard let hangUp else {
                try await work()
                break
            }
            guard try await finishes(work, before: hangUp) else { return .callerGone }
        }
        return .answered
    }

    /// How replies to `call` are sent.
    private func replying(to call: Call, _ send: @escaping SendBytes) -> SendBytes {
        if call.mode == .oneway { return { _ in } }
        let interface = call.interface
        return { [replyLimit] bytes in
            let length = bytes.count - 1
            guard length <= replyLimit else {
                throw VarlinkError(
                    "\(interface).ReplyTooLong",
                    ["length": .integer(Int64(length)), "limit": .integer(Int64(replyLimit))])
            }
            try await send(bytes)
        }
    }

    /// Whether `work` finishes before `end` returns; if it does not it is cancelled, and has finished all the same.
    private func finishes(
        _ work: @escaping @Sendable () async throws -> Void, before end: @escaping @Sendable () async -> Void
    ) async throws -> Bool {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await work()
                return true
            }
            group.addTask {
                await end()
                return false
            }
            defer { group.cancelAll() }
            guard try await group.next() == false else { return true }
            group.cancelAll()
            // Whatever it throws now, nobody is there to be told.
            _ = try? await group.next()
            return false
        }
    }
}
