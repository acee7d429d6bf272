// SPDX-License-Identifier: Apache-2.0
// What the daemon may do to its servers beyond what every user of the library may. Only on the loop.

package import Sockets

extension Server {
    /// Its listening socket.
    package var listener: ListeningSocket { core.listener }

    /// Accepts nobody until ``releaseAccepting()``.
    ///
    /// Holds are counted.
    package func holdAccepting() { core.holdAccepting() }

    /// Takes one hold away.
    package func releaseAccepting() { core.releaseAccepting() }

    /// Closes, and leaves the connections alone, as ``close(closeExistingConnections:)`` does; it waits for nothing.
    package func closeNow() { core.closeNow() }

    /// A slot for a connection that does not come through the listening socket; `nil` when none is free.
    package func takeSlot() -> ConnectionSlot? { ConnectionSlot(of: core) }
}
