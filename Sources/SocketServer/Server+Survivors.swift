// SPDX-License-Identifier: Apache-2.0
// Connections that an earlier daemon has handed over, in a server that listens nowhere.

internal import EventLoops
package import Policy
internal import Sockets

extension Server where Address == SocketAddress, ListeningOn == SocketAddress {
    /// A closed server with connections that somebody else has got from an earlier daemon.
    ///
    /// They take slots of its limit, even if there are not so many. `handler` is called for each.
    ///
    /// Only on the loop.
    package static func surviving(
        _ connections: [Connection], at address: SocketAddress, options: ServerOptions,
        onHandlerError: OnHandlerError<SocketAddress>, on loop: EventLoop,
        handler: @escaping @Sendable (Connection) async throws -> Void
    ) -> Server {
        loop.preconditionOnLoop()
        let core = ServerCore(
            ListeningSocket(closedAt: address), options: options, on: loop,
            report: { connection, error in
                if case .call(let call) = onHandlerError { try call(connection.peer, error) }
            }, handler: handler)
        core.goOn(with: connections)
        return Server(core, listeningOn: address, onHandlerError: onHandlerError)
    }
}
