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
    /// Whether there are headings, reasons and a closing line.
    let legend: Bool

    private static let columns = [
        ("SERVICE", false), ("STATE", false), ("ADDRESSES", false), ("CONNECTIONS", true), ("TOTAL", true),
        ("FAILURES", true), ("UPTIME", false),
    ]

    /// The whole output.
    var text: String {
        guard !services.isEmpty else { return legend ? "No services.\n" : "" }
        var lines = Table(columns: Self.columns, rows: services.map(cells), style: style, legend: legend).lines
        if legend {
            let errors = services.compactMap(error)
            if !errors.isEmpty { lines += [""] + errors }
            lines += ["", summary]
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private func cells(_ service: ServiceStatus) -> [Cell] {
        [
            Cell(service.name),
            Cell(service.state.rawValue, colour: service.state.colour),
            Cell(service.addresses.joined(separator: ",")),
            Cell("\(service.connections)/\(service.connectionLimit)"),
            Cell("\(service.connectionsAccepted)"),
            Cell("\(service.handlerFailures)"),
            Cell(service.listeningTimestamp.map { TimeText.span(from: $0, to: now) } ?? "-"),
        ]
    }

    /// What is wrong with a service, or was at last.
    private func error(_ service: ServiceStatus) -> String? {
        if let failure = StatusText.failure(service, now: now) { return failure }
        let name = SafeText.escape(service.name)
        guard let error = service.lastError else {
            return service.retryTimestamp.map { _ in
                "\(name): \(service.state.rawValue)" + StatusText.retry(service, now: now)
            }
        }
        let age = service.lastErrorTimestamp.map { " (\(TimeText.span(from: $0, to: now)) ago)" } ?? ""
        return "\(name): \(SafeText.escape(error))\(age)" + StatusText.retry(service, now: now)
    }

    private var summary: String {
        let idle = services.count { !$0.isServing }
        let total = CountText.of(services.count, "service")
        return idle == 0 ? "\(total), all serving." : "\(total), \(idle) not serving."
    }
}

/// Phrases that the table and the view of one service share.
enum StatusText {
    /// What a service is doing, as a sentence.
    static func sentence(_ service: ServiceStatus) -> String {
        let addresses = service.addresses.joined(separator: ", ")
        let place = service.state.isServing && !addresses.isEmpty ? " on \(addresses)" : ""
        return SafeText.escape("Service \"\(service.name)\" is \(service.state.rawValue)\(place), with ")
            + "\(service.connections) of at most \(CountText.of(service.connectionLimit, "connection"))."
    }

    /// Why a service does not serve, with its name; nil when there is nothing to say.
    static func failure(_ service: ServiceStatus, now: Int64) -> String? {
        reason(service).map { SafeText.escape("\(service.name): \($0)") + retry(service, now: now) }
    }

    /// The same without its name and the time, not escaped.
    static func reason(_ service: ServiceStatus) -> String? {
        let lost = service.unreachable.map { addresses in
            "nobody can connect to \(addresses.joined(separator: ", ")): somebody has removed or replaced the socket "
                + "file; close and open the service to have it made anew"
        }
        let reasons = [service.failure, lost].compactMap(\.self)
        return reasons.isEmpty ? nil : reasons.joined(separator: "; ")
    }

    /// When a service will try again by itself, as the end of a sentence; empty if it will not.
    static func retry(_ service: ServiceStatus, now: Int64) -> String {
        service.retryTimestamp.map { retry(at: $0, now: now) } ?? ""
    }

    /// The same of a time.
    static func retry(at timestamp: Int64, now: Int64) -> String {
        timestamp <= now ? "; trying again now" : "; trying again in \(TimeText.span(from: now, to: timestamp))"
    }
}
