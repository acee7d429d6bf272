// SPDX-License-Identifier: Apache-2.0
// Having a service accept nobody for a while, and what an operator may change: suspend it, resume it, set its limit.

internal import Logging
internal import SocketServer

extension Service {
    /// Stops accepting until ``resume()``: addresses stay taken, peers wait in the kernel's queue, connections go on.
    ///
    /// - Returns: false in a phase in which there is nothing to suspend. A service that is suspended stays so.
    func suspend() -> Bool {
        guard phase.isOpen else { return false }
        hold(for: .suspension)
        changed()
        return true
    }

    /// Ends a suspension, and a throttling before its time.
    ///
    /// - Returns: false in a phase in which there is nothing to resume. A service that is not held back stays as it is.
    func resume() -> Bool {
        guard phase.isOpen else { return false }
        release(.suspension)
        if throttle.isHolding { endThrottling() }
        changed()
        return true
    }

    /// Has nobody accepted as long as a reason stands.
    func hold(for reason: HoldReason) {
        for server in holds.begin(reason, servers) { server.holdAccepting() }
    }

    /// A reason for which nobody is accepted stands no more, or never did.
    func release(_ reason: HoldReason) {
        for server in holds.end(reason) { server.releaseAccepting() }
    }

    /// A server that begins to listen is held as the others are; `beganHeld` says what it was told when it was made.
    func join(_ server: StreamServer, beganHeld: Bool) {
        switch (holds.join(server), beganHeld) {
        case (true, false): server.holdAccepting()
        case (false, true): server.releaseAccepting()
        case (true, true), (false, false): break
        }
    }

    /// Changes how many connections the service may have.
    func setLimit(_ maximum: Int) {
        limit.setMaximum(maximum)
        changed()
    }
}
