// SPDX-License-Identifier: Apache-2.0
// What a service's servers tell, counted and logged.

internal import Descriptors
internal import EventLoops
internal import Logging
internal import Policy
internal import ServiceConfig
internal import SocketServer
internal import Supervision
internal import SystemPackage

extension Service {
    /// Counts and logs one event of one of the servers.
    func handle(_ event: ServerEvent) {
        switch event {
        case .connectionAccepted(let connection):
            accepted(connection)
        case .connectionEnded(let connection, let duration, let error):
            ended(connection, duration, error)
        case .connectionRefused(let peer):
            counters.countRefused()
            logger.info("connection refused", metadata: ["peer": .stringConvertible(peer)])
            context.events.connectionRefused(by: name, peer)
        case .atConnectionLimit(let limit):
            logger.warning(
                """
                connection limit reached; new connections wait in the backlog until others end; raise max_connections \
                if that is too few
                """,
                metadata: ["max_connections": .stringConvertible(limit)])
        case .acceptFailed(let errno):
            logger.debug(
                "a connection failed before it was accepted",
                metadata: ["errno": .string(Errno(rawValue: errno).textWithName)])
        case .acceptPaused(let errno, let failures, _):
            acceptingPaused(Errno(rawValue: errno), failures)
        case .handlerFailed(let id, let peer, let error):
            handlerFailed(id, peer, error)
        case .closed(let error):
            if let error { closed(because: error) }
        }
        forgetEnded()
        forgetClosedListeners()
        changed()
    }

    private func accepted(_ connection: Connection) {
        remember(connection)
        counters.countAccepted()
        logger.debug("connection accepted", metadata: describe(connection.id, connection.peer))
        for closing in closings where closing.closesServices {
            closing.assumeIsolated { $0.admit(connection.id, of: name) }
        }
        if context.events.hasSubscribers { context.events.connectionOpened(status(of: connection)) }
    }

    private func ended(_ connection: Connection, _ duration: Duration, _ error: (any Error)?) {
        let ended = forget(connection)
        tellEnd(of: ended, duration, error)
        // A program's end says more, and is logged where it is known.
        guard ended.isBuiltIn else { return }
        var metadata = describe(connection.id, connection.peer)
        metadata["duration_ms"] = .stringConvertible(duration.wholeMilliseconds)
        logger.info("connection ended", metadata: metadata)
    }

    private func acceptingPaused(_ errno: Errno, _ failures: Int) {
        logger.error(
            "cannot accept connections; they wait in the backlog, and accepting resumes by itself",
            metadata: ["errno": .string(errno.textWithRemedy), "failures": .stringConvertible(failures)])
        counters.note(error: "cannot accept connections: \(errno.textWithRemedy)", at: WallClock.microseconds)
    }

    private func handlerFailed(_ id: UInt64, _ peer: SocketAddress, _ error: any Error) {
        counters.countHandlerFailure("\(error)", at: WallClock.microseconds)
        var metadata = describe(id, peer)
        metadata["error"] = .string("\(error)")
        // A program's failure is told with its end, or was when it could not be started.
        let isOfProgram = error is HandlerFailure || error is SpawnFailure
        logger.log(level: isOfProgram ? .debug : .info, "handler failed", metadata: metadata)
    }

    private func closed(because error: any Error) {
        logger.error(
            "the service has closed because a handler failed: on_handler_error is raise",
            metadata: ["error": .string("\(error)")])
        act(on: phase.handlerFailed("closed by on_handler_error = \"raise\": \(error)"))
    }

    private func describe(_ id: UInt64, _ peer: SocketAddress) -> Logger.Metadata {
        ["connection": .stringConvertible(id), "peer": .stringConvertible(peer)]
    }
}
