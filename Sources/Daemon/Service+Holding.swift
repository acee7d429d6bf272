// SPDX-License-Identifier: Apache-2.0
// What an operator may change about a running service: suspend it, resume it, set its limit.

internal import Logging
internal import SocketServer

extension Service {
    /// Stops accepting until ``resume()``: addresses stay taken, peers wait in the kernel's queue, connections go on.
    ///
    /// - Returns: false in a phase in which there is nothing to suspend. A service that is suspended stays so.
    func suspend() -> Bool {
        guard phase.isOpen else { return false }
        guard suspension == nil else { return true }
        suspension = servers
        for server in servers { server.holdAccepting() }
        changed()
        return true
    }

    /// Ends a suspension, and a throttling before its time.
    ///
    /// - Returns: false in a phase in which there is nothing to resume. A service that is not held back stays as it is.
    func resume() -> Bool {
        guard phase.isOpen else { return false }
        for server in suspension ?? [] { server.releaseAccepting() }
        suspension = nil
        if throttle.isHolding { endThrottling() }
        changed()
        return true
    }

    /// A server that begins to listen while the service is suspended accepts nobody either; it may have been told so
    /// when it was made.
    func holdIfSuspended(_ server: StreamServer, beganHeld: Bool) {
        guard suspension != nil else {
            if beganHeld { server.releaseAccepting() }
            return
        }
        if !beganHeld { server.holdAccepting() }
        suspension?.append(server)
    }

    /// It was suspended in an earlier image of this daemon, and does not listen yet.
    func beginSuspended() { suspension = [] }

    /// Changes how many connections the service may have.
    func setLimit(_ maximum: Int) {
        limit.setMaximum(maximum)
        changed()
    }
}
