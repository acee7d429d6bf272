// SPDX-License-Identifier: Apache-2.0
// An interface that is served: its description and the handlers of its methods.

/// An interface that is served to callers who are described by a `Caller`.
package struct Interface<Caller: Sendable>: Sendable {
    /// The name, as `org.example.ftl`.
    package let name: String
    /// The interface description in Varlink's language, comments included.
    package let description: String
    let methods: [String: Method<Caller>]

    /// An interface.
    ///
    /// Two methods of one name are our bug, and trap.
    package init(name: String, description: String, methods: [Method<Caller>]) {
        self.name = name
        self.description = description
        self.methods = Dictionary(uniqueKeysWithValues: methods.map { ($0.name, $0) })
    }
}

/// A method that is served.
///
/// Its handler gets the parameters and the caller, whom it must judge itself. What it throws as a ``VarlinkError`` is
/// the reply.
package struct Method<Caller: Sendable>: Sendable {
    let name: String
    /// Answers a call by sending bytes.
    let answer: @Sendable (Call, Caller, _ send: @escaping SendBytes) async throws -> Void

    /// A method that replies once, with what `handler` returns.
    package init<Parameters: VarlinkObject, Result: VarlinkObject>(
        _ name: String,
        handler: @escaping @Sendable (Parameters, Caller) async throws(VarlinkError) -> Result
    ) {
        self.name = name
        answer = { call, caller, send in
            try await send(Reply.encode(handler(call.parameters(), caller)))
        }
    }

    /// A method that replies as often as it likes: with what `handler` sends, and at its end with what it returns.
    ///
    /// It must be called with `more`.
    ///
    /// The handler passes on what the sender throws: the caller is gone.
    package init<Parameters: VarlinkObject, Result: VarlinkObject>(
        streaming name: String,
        handler: @escaping @Sendable (Parameters, Caller, ReplyStream<Result>) async throws -> Result
    ) {
        self.name = name
        answer = { call, caller, send in
            let parameters: Parameters = try call.parameters()
            guard call.mode == .more else { throw VarlinkError.expectedMore }
            let last = try await handler(parameters, caller, ReplyStream(send: send))
            try await send(Reply.encode(last))
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
    /// Throws when the caller is gone.
    package func send(_ reply: Result) async throws {
        try await send(Reply.encode(reply, continues: true))
    }
}
