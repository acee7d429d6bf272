// SPDX-License-Identifier: Apache-2.0
// Creating servers: with a reader and a writer, with the bare socket, or with the connection itself.

internal import Descriptors
internal import EventLoops
internal import Policy
public import Sockets

extension Server {
    /// Creates a server that calls `handler` with a reader and a writer for each connection: `create`.
    ///
    /// It listens when this returns, and a client may have been accepted already. Handlers run concurrently on the
    /// event loop, which they must not block: work that takes long belongs in a task of its own without the loop's
    /// preference (`Task.detached`, or an actor with another executor). When the handler returns or throws, what the
    /// writer holds is sent, within `options.closeDeadline`, and the connection closed.
    ///
    /// If the writer fails before the handler is done, that decides the connection's fate: the handler goes on in the
    /// background with closed ends. A peer that has gone is no failure.
    /// - Throws: ``ServerError`` with code `invalidOption` before any socket exists, or `cannotListen`.
    /// - Precondition: It is called within ``EventLoop/run(_:)``.
    public static func create(
        on whereToListen: WhereToListen<Address, ListeningOn>, options: ServerOptions = ServerOptions(),
        onHandlerError: OnHandlerError<Address> = .raise,
        handler: @escaping @Sendable (Address, Reader, Writer) async throws -> Void
    ) async throws -> Server {
        let loop = currentLoop()
        let streams = StreamHandling(options, on: loop)
        var options = options
        options.refusesDescriptors = true
        return try await create(on: whereToListen, options: options, onHandlerError: onHandlerError, loop) {
            connection in
            try await streams.serve(connection) { reader, writer in
                try await handler(whereToListen.address(connection.peer), reader, writer)
            }
        }
    }

    /// Creates a server that calls `handler` with the connected socket: `create_sock`.
    ///
    /// As ``create(on:options:onHandlerError:handler:)``, but nothing is buffered and nothing flushed: the socket is
    /// closed when the handler returns or throws. A handler that wants to keep the connection must not return.
    /// - Throws: ``ServerError`` with code `invalidOption` before any socket exists, or `cannotListen`.
    /// - Precondition: It is called within ``EventLoop/run(_:)``.
    public static func createSocket(
        on whereToListen: WhereToListen<Address, ListeningOn>, options: ServerOptions = ServerOptions(),
        onHandlerError: OnHandlerError<Address> = .raise,
        handler: @escaping @Sendable (Address, ConnectedSocket) async throws -> Void
    ) async throws -> Server {
        var options = options
        options.refusesDescriptors = true
        return try await create(on: whereToListen, options: options, onHandlerError: onHandlerError, currentLoop()) {
            try await handler(whereToListen.address($0.peer), $0.socket)
        }
    }

    /// Creates a server that calls `handler` with the connection, which can be handed over to somebody else.
    ///
    /// As ``createSocket(on:options:onHandlerError:handler:)``.
    /// - Throws: ``ServerError`` with code `invalidOption` before any socket exists, or `cannotListen`.
    /// - Precondition: It is called within ``EventLoop/run(_:)``.
    public static func createConnection(
        on whereToListen: WhereToListen<Address, ListeningOn>, options: ServerOptions = ServerOptions(),
        onHandlerError: OnHandlerError<Address> = .raise,
        handler: @escaping @Sendable (Connection) async throws -> Void
    ) async throws -> Server {
        try await create(
            on: whereToListen, options: options, onHandlerError: onHandlerError, currentLoop(), handler: handler)
    }

    private static func currentLoop() -> EventLoop {
        guard let loop = EventLoop.current else {
            preconditionFailure("a server is created within EventLoop.run, and runs on that loop")
        }
        return loop
    }

    private static func create(
        on whereToListen: WhereToListen<Address, ListeningOn>, options: ServerOptions,
        onHandlerError: OnHandlerError<Address>, _ loop: EventLoop,
        handler: @escaping @Sendable (Connection) async throws -> Void
    ) async throws -> Server {
        // First: a bad option must leave nothing behind, not even an inherited socket that nobody closes.
        do { try options.validate() } catch {
            switch whereToListen.place {
            case .bind: break
            case .inherited(let number), .succeeded(let number, _): Descriptor(adopting: number).close()
            }
            throw error
        }
        let listener = try listen(whereToListen, options)
        if options.refusesDescriptors { listener.refuseDescriptors() }
        let core = ServerCore(
            listener, options: options, on: loop,
            report: { connection, error in
                switch onHandlerError {
                case .raise: throw error
                case .ignore: break
                case .call(let call): try call(whereToListen.address(connection.peer), error)
                }
            }, handler: handler)
        await loop.perform { core.start() }
        return Server(
            core, listeningOn: whereToListen.listeningOn(listener.address), onHandlerError: onHandlerError)
    }

    private static func listen(
        _ whereToListen: WhereToListen<Address, ListeningOn>, _ options: ServerOptions
    ) throws(ServerError) -> ListeningSocket {
        do throws(ListenFailure) {
            switch whereToListen.place {
            case .bind(let address, let file):
                return try ListeningSocket.bind(
                    address, backlog: options.backlog,
                    file: file ?? SocketFileOptions(mode: options.socketFileMode), acceptCall: options.acceptCall)
            case .inherited(let number):
                let listener = try ListeningSocket.adopt(
                    Descriptor(adopting: number), backlog: options.backlog, acceptCall: options.acceptCall)
                guard whereToListen.family.includes(listener.address) else {
                    listener.close()
                    throw ListenFailure(
                        .adopt, "descriptor \(number)", nil,
                        reason: "it is bound to \(listener.address), and \(whereToListen.family.rawValue) is needed")
                }
                return listener
            case .succeeded(let number, let file):
                let listener = try ListeningSocket.succeed(
                    Descriptor(adopting: number), file: file, backlog: options.backlog,
                    acceptCall: options.acceptCall)
                // As its last owner had it, it may have been for other handlers.
                listener.passDescriptors()
                return listener
            }
        } catch {
            throw ServerError(.cannotListen, error.description, errno: error.errno)
        }
    }
}
