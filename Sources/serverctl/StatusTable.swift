// SPDX-License-Identifier: Apache-2.0
// The table that `serverctl status` prints about all services.

internal import ManagerInterface
internal import Policy

/// The table of all services: a line each, then what is wrong with whom.
struct StatusTable {
    /// The services, in the order of their lines.
    let services: [ServiceStatus]
    /// The time, in microseconds since the epoch.
    let now: Int64
    /// How it looks.
    let style: Style
    /// Whether there are headings and a closing line.
    let legend: Bool

    private static let headings = ["SERVICE", "STATE", "ADDRESSES", "CONNECTIONS", "TOTAL", "FAILURES", "UPTIME"]
    /// The columns that hold numbers, which end where their heading ends.
    private static let numbers = 3...5

    /// The whole output.
    var text: String {
        guard !services.isEmpty else { return legend ? "No services.\n" : "" }
        let rows = services.map(cells)
        let widths = Self.headings.indices.map { column in
            (rows + (legend ? [Self.headings] : [])).map { $0[column].count }.max() ?? 0
        }
        var lines = legend ? [line(Self.headings, widths, state: nil)] : []
        lines += zip(rows, services).map { line($0, widths, state: $1.state) }
        let errors = services.compactMap(error)
        if !errors.isEmpty { lines += [""] + errors }
        if legend { lines += ["", summary] }
        return lines.map { $0 + "\n" }.joined()
    }

    private func cells(_ service: ServiceStatus) -> [String] {
        [
            SafeText.escape(service.name),
            service.state.rawValue,
            SafeText.escape(service.addresses.joined(separator: ",")),
            "\(service.connections)/\(service.connectionLimit)",
            "\(service.connectionsAccepted)",
            "\(service.handlerFailures)",
            service.listeningTimestamp.map { TimeText.span(now - $0) } ?? "-",
        ]
    }

    private func line(_ cells: [String], _ widths: [Int], state: ServiceState?) -> String {
        var line = ""
        for (column, cell) in cells.enumerated() {
            let padding = String(repeating: " ", count: widths[column] - cell.count)
            let isState = column == 1
            let shown = if isState, let state { style.paint(cell, as: state) } else { cell }
            let isLast = column == cells.count - 1
            line += Self.numbers.contains(column) ? padding + shown : isLast ? shown : shown + padding
            if !isLast { line += "  " }
        }
        return line
    }

    /// What is wrong with a service, or was at last.
    private func error(_ service: ServiceStatus) -> String? {
        let name = SafeText.escape(service.name)
        if let failure = service.failure {
            return "\(name): \(SafeText.escape(failure))" + StatusText.retry(service, now: now)
        }
        guard let error = service.lastError else {
            return service.retryTimestamp.map { _ in
                "\(name): \(service.state.rawValue)" + StatusText.retry(service, now: now)
            }
        }
        let age = service.lastErrorTimestamp.map { " (\(TimeText.span(now - $0)) ago)" } ?? ""
        return "\(name): \(SafeText.escape(error))\(age)" + StatusText.retry(service, now: now)
    }

    private var summary: String {
        let idle = services.count { !$0.state.isServing }
        let total = services.count == 1 ? "1 service" : "\(services.count) services"
        return idle == 0 ? "\(total), all serving." : "\(total), \(idle) not serving."
    }
}

/// Phrases that the table and the view of one service share.
enum StatusText {
    /// When a service will try again by itself, as the end of a sentence; empty if it will not.
    static func retry(_ service: ServiceStatus, now: Int64) -> String {
        guard let timestamp = service.retryTimestamp else { return "" }
        return timestamp <= now ? "; trying again now" : "; trying again in \(TimeText.span(timestamp - now))"
    }
}
