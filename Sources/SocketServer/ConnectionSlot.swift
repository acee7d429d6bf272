// SPDX-License-Identifier: Apache-2.0
// A slot of a server for a connection that does not come through its listening socket.

internal import EventLoops
package import Sockets
internal import Synchronization

/// A slot of a server, taken for a connection that is on its way to it by other means than accept(2).
///
/// It is given back when it is dropped unused.
package final class ConnectionSlot: Sendable {
    private let core: ServerCore
    private let isUsed = Mutex(false)

    /// Takes a slot; `nil` when none is free.
    init?(of core: ServerCore) {
        guard core.limit.take(upTo: 1) == 1 else { return nil }
        self.core = core
    }

    /// Has the server serve the connection as one that it has accepted, under an id of its numbering: as a given one.
    ///
    /// Once; only on the loop.
    /// - Returns: false when the server was closed meanwhile; then the connection is, too.
    package func use(for socket: ConnectedSocket, id: UInt64) -> Bool {
        let wasUsed = isUsed.withLock { isUsed in
            defer { isUsed = true }
            return isUsed
        }
        precondition(!wasUsed, "a slot was used twice")
        return core.start(Connection(id: id, socket: socket, isGiven: true))
    }

    deinit {
        if !isUsed.withLock({ $0 }) { core.limit.giveBack() }
    }
}
