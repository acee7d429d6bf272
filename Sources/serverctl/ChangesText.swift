// SPDX-License-Identifier: Apache-2.0
// What a configuration changes, as `plan` and `reload` print it.

internal import ManagerInterface
internal import Policy

/// The changes, service by service, then in numbers.
struct ChangesText {
    /// The changes.
    let changes: ConfigurationChanges
    /// Whom connections that would be dropped belong to, by id; those that are missing are shown by their id only.
    var peers: [UInt64: String] = [:]
    /// The addresses that a reload was to open and that are not listened on.
    var notListening: [NotListening] = []
    /// How it looks.
    let style: Style
    /// Whether there is a closing line.
    let legend: Bool

    /// The whole output.
    var text: String {
        var lines = changes.services.flatMap(lines)
        if !changes.settings.isEmpty {
            lines += [style.paint("changed", .notice) + "  the daemon"] + changes.settings.map(line)
        }
        if legend { lines += (lines.isEmpty ? [] : [""]) + [Self.summary(changes) + "."] }
        return lines.map { $0 + "\n" }.joined()
    }

    /// The changes in numbers: `1 added, 2 changed, 7 unchanged`.
    static func summary(_ changes: ConfigurationChanges) -> String {
        let parts = ChangeKind.allCases.compactMap { kind in
            let count = changes.services.count { $0.kind == kind }
            return count == 0 ? nil : "\(count) \(kind.rawValue)"
        }
        let daemon =
            changes.settings.isEmpty ? [] : ["\(CountText.of(changes.settings.count, "setting")) of the daemon"]
        guard !(parts + daemon).isEmpty else {
            return "Nothing changes in \(CountText.of(changes.unchanged, "service"))"
        }
        return "Services: " + (parts + ["\(changes.unchanged) unchanged"]).joined(separator: ", ")
            + (daemon.isEmpty ? "" : "; changed: " + daemon.joined())
    }

    private func lines(_ change: ServiceChange) -> [String] {
        let (word, colour): (String, Colour) =
            switch change.kind {
            case .added: ("added  ", .good)
            case .removed: ("removed", .bad)
            case .changed: ("changed", .notice)
            }
        var lines = [style.paint(word, colour) + "  " + SafeText.escape(change.service)] + change.settings.map(line)
        if let before = change.limitBefore, let after = change.limitAfter {
            lines.append(indent("limit: \(before), set by an operator -> \(after)"))
        }
        if change.reopened { lines.append(indent("opens again, having been closed")) }
        lines += opened(change)
        if !change.closed.isEmpty {
            lines.append(indent("listens no more on " + change.closed.joined(separator: ", ")))
        }
        if !change.dropped.isEmpty {
            lines.append(indent("drops, after drain_timeout, \(CountText.of(change.dropped.count, "connection")):"))
            lines += change.dropped.map { id in indent("  \(id)\(peers[id].map { " from \($0)" } ?? "")") }
        }
        return lines
    }

    /// The addresses that a service begins to listen on, and those that it was to.
    private func opened(_ change: ServiceChange) -> [String] {
        let silent = notListening.filter { $0.service == change.service }
        let addresses = silent.map(\.address)
        let listening = change.opened.filter { !addresses.contains($0) }
        return (listening.isEmpty ? [] : [indent("listens on " + listening.joined(separator: ", "))])
            + silent.map { silent in
                silent.failure == nil
                    ? indent("listens on \(silent.address) when whoever had it has served the clients that wait")
                    : indent("cannot listen on \(silent.address)")
            }
    }

    private func line(_ change: SettingChange) -> String {
        indent("\(change.key): \(change.before ?? "not set") -> \(change.after ?? "not set")")
    }

    private func indent(_ text: String) -> String { "         " + SafeText.escape(text) }
}
