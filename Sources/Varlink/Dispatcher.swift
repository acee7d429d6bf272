// SPDX-License-Identifier: Apache-2.0
// The way from a call to the method that answers it.

/// A Varlink service: interfaces and who answers their methods.
///
/// `org.varlink.service` is always among them.
package struct Dispatcher<Caller: Sendable>: Sendable {
    private let interfaces: [String: Interface<Caller>]

    /// A service that presents itself as `identity` and serves `interfaces`.
    ///
    /// Two interfaces of one name are our bug, and trap.
    package init(identity: ServiceIdentity, interfaces: [Interface<Caller>]) {
        let all = [serviceInterface(identity: identity, describing: interfaces)] + interfaces
        self.interfaces = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
    }

    /// Serves one connection until its end: receives, and answers calls one after the other, in their order.
    ///
    /// `receive` returns bytes, or `nil` at the end of the stream. A ``ProtocolViolation`` is thrown, after which the
    /// connection must be closed; so is what `receive` and `send` throw. Cancellation is theirs, and the handlers'.
    package func serve(
        _ caller: Caller, receive: () async throws -> [UInt8]?, send: @escaping SendBytes
    ) async throws {
        var session = ServerSession()
        while let bytes = try await receive() {
            session.receive(bytes)
            while let call = try session.nextCall() {
                try await answer(call, from: caller, send: send)
            }
        }
    }

    /// Answers one call.
    ///
    /// Whatever is wrong with it is answered by an error; nothing is sent if it is `oneway`.
    ///
    /// Throws only what `send` throws, and what a streaming handler lets through that is no ``VarlinkError``.
    package func answer(_ call: Call, from caller: Caller, send: @escaping SendBytes) async throws {
        let reply: SendBytes = if call.mode == .oneway { { _ in } } else { send }
        do {
            // An unknown interface is an unknown method too; InterfaceNotFound is for descriptions.
            guard let method = interfaces[String(call.interface)]?.methods[String(call.name)] else {
                throw VarlinkError.methodNotFound(call.method)
            }
            // A plain reply would tell the caller that the connection is upgraded. No method here does that.
            guard call.mode != .upgrade else { throw VarlinkError.methodNotImplemented(call.method) }
            try await method.answer(call, caller, reply)
        } catch let error as VarlinkError {
            try await reply(Reply.encode(error))
        }
    }
}
