// SPDX-License-Identifier: Apache-2.0
// Phrases about a connection and its end that several verbs share.

internal import ManagerInterface
internal import Policy

/// Phrases about a connection; they may hold text from outside, and are escaped where they are shown.
enum ConnectionText {
    /// The other end: its address, and whose it is if that is known.
    static func peer(_ connection: ConnectionStatus) -> String {
        guard let peer = connection.unixPeer else { return connection.peer }
        return "\(connection.peer) (uid \(peer.uid))"
    }

    /// How a connection ended, as the end of a sentence: `exited with 0 after 5min`.
    static func ending(_ exit: ExitReport) -> String {
        let how =
            switch exit.ending {
            case .exited: "exited with \(exit.exitCode ?? 0)"
            case .killed: "killed by \(exit.signal.map(SignalName.text) ?? "a signal")"
            case .returned: "served to its end"
            case .failed: "failed"
            case .unknown: "gone, nobody can say how"
            }
        let core = exit.dumpedCore == true ? ", core dumped," : ""
        let failure = exit.failure.map { ": \($0)" } ?? ""
        let left = exit.lingering == true ? "; processes that it had started live on" : ""
        return "\(how)\(core) after \(TimeText.fineSpan(exit.duration))\(failure)\(left)"
    }
}
