// SPDX-License-Identifier: Apache-2.0
// What a service's servers tell, counted and logged.

internal import EventLoops
internal import Glibc
internal import Logging
internal import Policy
internal import ServiceConfig
internal import SocketServer

extension Service {
    /// Counts and logs one event of one of the servers.
    func handle(_ event: ServerEvent) {
        switch event {
        case .connectionAccepted(let id, let peer):
            counters.countAccepted()
            logger.debug("connection accepted", metadata: describe(id, peer))
        case .connectionEnded(let id, let peer, let duration):
            // A program's end says more, and is logged where it is known.
            if program == nil {
                var metadata = describe(id, peer)
                metadata["duration_ms"] = .stringConvertible(duration.wholeMilliseconds)
                logger.info("connection ended", metadata: metadata)
            }
        case .connectionDropped(let peer):
            counters.countRefused()
            logger.info("connection refused", metadata: ["peer": .stringConvertible(peer)])
        case .atConnectionLimit(let limit):
            logger.warning(
                """
                connection limit reached; new connections wait in the backlog until others end; raise max_connections \
                if that is too few
                """,
                metadata: ["max_connections": .stringConvertible(limit)])
        case .acceptFailed(let errno):
            logger.debug("a connection failed before it was accepted", metadata: describe(errno))
        case .acceptPaused(let errno, let failures, _):
            var metadata = describe(errno)
            metadata["failures"] = .stringConvertible(failures)
            logger.error(
                "cannot accept connections; they wait in the backlog, and accepting resumes by itself",
                metadata: metadata)
            counters.note(
                error: "cannot accept connections: \(String(cString: strerror(errno)))", at: WallClock.microseconds)
        case .handlerFailed(let id, let peer, let error):
            counters.countHandlerFailure("\(error)", at: WallClock.microseconds)
            var metadata = describe(id, peer)
            metadata["error"] = .string("\(error)")
            logger.debug("handler failed", metadata: metadata)
        case .closed(let error):
            guard let error else { return }
            logger.error(
                "the service has closed because a handler failed: on_handler_error is raise",
                metadata: ["error": .string("\(error)")])
            closeAfterHandlerError()
        }
        context.changed()
    }

    private func describe(_ id: UInt64, _ peer: SocketAddress) -> Logger.Metadata {
        ["connection": .stringConvertible(id), "peer": .stringConvertible(peer)]
    }

    private func describe(_ errno: Int32) -> Logger.Metadata {
        ["errno": .string(String(cString: strerror(errno)))]
    }
}
