// SPDX-License-Identifier: Apache-2.0
// Connections whose handler has ended and has left processes behind: listed, and ended by whatever closes them.

internal import EventLoops
internal import ManagerInterface
internal import Policy
internal import Supervision

/// A connection whose handler has ended, and what it has left behind.
struct LingeringConnection: Sendable {
    /// The most that one service follows: each costs a descriptor, and handlers may leave behind as many as they like.
    static let limit = 256

    /// The handler, which watches over what it has left behind.
    let process: HandlerProcess
    /// As it is listed.
    let status: ConnectionStatus
    /// How the handler has ended.
    let exit: ManagerInterface.ExitReport
}

extension Service {
    /// A handler has ended by itself, and processes that it had started live on.
    ///
    /// - Returns: false when there are too many of them to follow this one.
    func follow(_ process: HandlerProcess, _ status: ConnectionStatus, _ exit: ManagerInterface.ExitReport) -> Bool {
        guard lingering.count < LingeringConnection.limit else { return false }
        var shown = status
        shown.state = .lingering
        let id = status.id
        lingering[id] = LingeringConnection(process: process, status: shown, exit: exit)
        process.followGroup { [weak self] in self?.assumeIsolated { $0.stopsLingering(id) } }
        return true
    }

    private func stopsLingering(_ id: UInt64) {
        guard let former = lingering.removeValue(forKey: id) else { return }
        let outcome: ConnectionOutcome =
            switch former.process.stopStage {
            case .none: .ended
            case .asked: .stopped
            case .killed: .killed
            }
        for closing in closings {
            closing.assumeIsolated { $0.ended(id, outcome, isLingering: false, exit: former.exit) }
        }
        changed()
    }

    /// Ends what a connection has left behind.
    func endLingering(_ id: UInt64, killsAt: Duration) {
        lingering[id]?.process.stop(.terminate(grace: max(.zero, killsAt - context.loop.now)))
    }
}
