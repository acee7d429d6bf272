// SPDX-License-Identifier: Apache-2.0
// The progress of a closing as a few lines of a terminal, and how one frame is drawn over the one before.

internal import ManagerInterface
internal import Policy

/// What is seen of a closing at one moment: what is still open, what is being done, what comes next and when.
struct ProgressFrame {
    /// What is being closed, as the title says it: `Closing service "git"`.
    let title: String
    /// How far it has come.
    let progress: ClosingProgress
    /// The time, in microseconds since the epoch.
    let now: Int64
    /// How many columns there are.
    let width: Int

    private var done: Int { ClosingSummary.sum([progress.ended, progress.stopped, progress.killed]) }
    private var total: Int { ClosingSummary.sum([done, progress.open]) }

    /// The lines, each of which fits into the width.
    var lines: [String] {
        var lines = ["\(SafeText.escape(title)): \(progress.open) of \(CountText.of(total, "connection")) open"]
        if total > 0 { lines.append(bar) }
        lines.append(step + next)
        if let last { lines.append(last) }
        if progress.services.count > 1 { lines.append("Open: " + services) }
        return lines.map { LineText.cut($0, to: width) }
    }

    private var bar: String {
        let room = max(1, min(40, width - 8))
        let share = Double(done) / Double(total)
        let filled = Int(Double(room) * share)
        return "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: room - filled)
            + "] \(Int(100 * share))%"
    }

    private var step: String {
        switch progress.step {
        case .accepting: "Clients that had connected before are still accepted."
        case .waiting: "They may end by themselves."
        case .stopping: "They were asked to end."
        case .killing: "They were sent SIGKILL."
        case .finished: "Done."
        }
    }

    private var next: String {
        guard let nextStep = progress.nextStep, let name = Self.name(nextStep) else { return "" }
        return " Next: \(name)\(left(progress.nextStepTimestamp))."
    }

    /// When the patience ends, unless that is what comes next.
    private var last: String? {
        guard let deadline = progress.deadlineTimestamp, progress.nextStep != .killing, progress.step != .killing
        else { return nil }
        return "SIGKILL at the latest\(left(deadline))."
    }

    private static func name(_ step: ClosingStep) -> String? {
        switch step {
        case .accepting, .finished: nil
        case .waiting: "wait for them"
        case .stopping: "ask them to end"
        case .killing: "SIGKILL"
        }
    }

    private func left(_ timestamp: Int64?) -> String {
        timestamp.map { $0 <= now ? " now" : " in \(TimeText.left(until: $0, now: now))" } ?? ""
    }

    private var services: String {
        progress.services.sorted { ($1.connections, $0.service) < ($0.connections, $1.service) }
            .map { "\(SafeText.escape($0.service)) \($0.connections)" }.joined(separator: ", ")
    }
}

/// A place on the terminal where one frame is drawn over the other.
struct ProgressDisplay {
    private var height = 0

    /// What to print so that these lines stand where the last ones did; none at all removes them.
    mutating func draw(_ lines: [String]) -> String {
        let up = height > 0 ? "\u{1b}[\(height)A\r" : ""
        height = lines.count
        // Each line is erased before it is written: behind a full one, its last character would be. What is below is
        // erased after the last.
        return up + lines.map { "\u{1b}[K\($0)\n" }.joined() + "\u{1b}[J"
    }
}
