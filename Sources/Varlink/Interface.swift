// SPDX-License-Identifier: Apache-2.0
// An interface that is served: its description and the handlers of its methods.

/// What a server knows of whoever calls it, for its methods to judge.
package protocol VarlinkCaller: Sendable {
    /// What a method that upgrades the connection leaves to whoever owns the connection, so that it goes on.
    ///
    /// Where no method does that, `Never`.
    associatedtype Upgrade: Sendable = Never
}

/// An interface that is served to callers who are described by a `Caller`.
package struct Interface<Caller: VarlinkCaller>: Sendable {
    /// The name, as `org.example.ftl`.
    package let name: String
    /// The interface description in Varlink's language, comments included.
    package let description: String
    let methods: [String: Method<Caller>]
    let authorize: @Sendable (_ method: String, Caller) throws(VarlinkError) -> Void

    /// An interface.
    ///
    /// `authorize` is asked before any handler of a method is called, and throws what its caller is to be told. Two methods of one name are our bug, and trap. The interface should declare the error `ReplyTooLong (length:
    /// int, limit: int)` if a method's reply can become long.
    package init(
        name: String, description: String, methods: [Method<Caller>],
        authorize: @escaping @Sendable (_ method: String, Caller) throws(VarlinkError) -> Void = { _, _ in }
    ) {
        self.name = name
        self.authorize = authorize
        self.description = description
        self.methods = Dictionary(uniqueKeysWithValues: methods.map { ($0.name, $0) })
    }
}

/// A method that is served.
///
/// Its handler gets the parameters and the caller, who has been judged by then. What it throws as a ``VarlinkError`` is
/// the reply.
package struct Method<Caller: VarlinkCaller>: Sendable {
    /// Answers a call by sending bytes.
    typealias Answer = @Sendable (Call, Caller, _ send: @escaping SendBytes) async throws -> Void
    /// Answers a call by sending bytes, unless it throws, and tells how the connection goes on.
    typealias UpgradingAnswer = @Sendable (Call, Caller, _ send: @escaping SendBytes) async throws -> Caller.Upgrade

    /// The kinds of methods, which differ in the calls that they answer and in what may be done meanwhile.
    enum Kind: Sendable {
        /// Answers at once.
        case short(Answer)
        /// Goes on for as long as it likes, and is cancelled when the caller goes away.
        case long(Answer)
        /// Takes the connection away.
        case upgrading(UpgradingAnswer)
    }

    let name: String
    let kind: Kind

    /// A method that replies once, with what `handler` returns, which does not take long.
    package init<Declared: VarlinkMethod>(
        _ method: Declared.Type,
        handler: @escaping @Sendable (Declared.Parameters, Caller) async throws(VarlinkError) -> Declared.Result
    ) {
        name = method.name
        kind = .short { call, caller, send in
            try await send(Reply.encode(handler(call.parameters(), caller)))
        }
    }

    /// A method that replies as often as it likes: with what `handler` sends, and at its end with what it returns.
    ///
    /// It must be called with `more`.
    ///
    /// The handler passes on what the sender throws: the caller is gone. It is cancelled too when the caller goes away
    /// while nothing is sent.
    package init<Declared: VarlinkMethod>(
        streaming method: Declared.Type,
        handler:
            @escaping @Sendable (
                Declared.Parameters, Caller, ReplyStream<Declared.Result>
            ) async throws -> Declared.Result
    ) {
        self.init(streamingIfAsked: method) { parameters, caller, replies in
            guard let replies else { throw VarlinkError.expectedMore }
            return try await handler(parameters, caller, replies)
        }
    }

    /// A method that may take long: it replies with what `handler` returns, and before that, if it is called with
    /// `more`, with what the handler sends.
    ///
    /// Without `more` the handler gets no sender. For the rest it is as with a method that must be called with `more`.
    package init<Declared: VarlinkMethod>(
        streamingIfAsked method: Declared.Type,
        handler:
            @escaping @Sendable (
                Declared.Parameters, Caller, ReplyStream<Declared.Result>?
            ) async throws -> Declared.Result
    ) {
        name = method.name
        kind = .long { call, caller, send in
            let parameters: Declared.Parameters = try call.parameters()
            let replies = call.mode == .more ? ReplyStream<Declared.Result>(send: send) : nil
            let last = try await handler(parameters, caller, replies)
            try await send(Reply.encode(last))
        }
    }

    /// A method that replies once, after which the connection is no longer Varlink.
    ///
    /// It must be called with `upgrade`.
    ///
    /// The handler returns its reply, and how the connection goes on. It does nothing to the connection: the reply has
    /// to be sent before. If that fails the upgrade is dropped, and must then release by itself what it holds.
    package init<Declared: VarlinkMethod>(
        upgrading method: Declared.Type,
        handler:
            @escaping @Sendable (
                Declared.Parameters, Caller
            ) async throws(VarlinkError) -> (reply: Declared.Result, upgrade: Caller.Upgrade)
    ) {
        name = method.name
        kind = .upgrading { call, caller, send in
            let parameters: Declared.Parameters = try call.parameters()
            guard call.mode == .upgrade else { throw VarlinkError.expectedUpgrade }
            let (reply, upgrade) = try await handler(parameters, caller)
            try await send(Reply.encode(reply))
            return upgrade
        }
    }
}

/// How bytes leave; it returns when more may be sent, and throws when the caller is gone.
package typealias SendBytes = @Sendable ([UInt8]) async throws -> Void

/// Where a method that replies more than once sends all replies but the last.
package struct ReplyStream<Result: VarlinkObject>: Sendable {
    let send: SendBytes

    /// Sends a reply that others will follow.
    ///
    /// Throws when the caller is gone, or the reply too long.
    package func send(_ reply: Result) async throws {
        try await send(Reply.encode(reply, continues: true))
    }
}
