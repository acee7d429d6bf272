// SPDX-License-Identifier: Apache-2.0
// The view of one service that `serverctl status SERVICE` prints.

internal import ManagerInterface
internal import Policy

/// One service, a line for each thing there is to say.
struct StatusDetail {
    /// The service.
    let service: ServiceStatus
    /// The time, in microseconds since the epoch.
    let now: Int64
    /// How it looks.
    let style: Style
    /// Where its programs are kept, if that is asked for.
    var controlGroup: ControlGroup?

    /// The whole output.
    var text: String {
        let title = [service.name, service.description].compactMap(\.self).map(SafeText.escape).joined(separator: " - ")
        return FieldList(title: title, fields: fields).text
    }

    private var fields: [(key: String, value: String)] {
        var fields: [(key: String, value: String)] = [("State", state)]
        for address in service.addresses { fields.append(("Address", SafeText.escape(address))) }
        fields += [
            ("Connections", "\(service.connections) (limit \(service.connectionLimit))"),
            ("Total", "\(service.connectionsAccepted) accepted, \(service.connectionsRefused) refused"),
            ("Failures", "\(service.handlerFailures)"),
        ]
        if let reason = StatusText.reason(service) { fields.append(("Reason", SafeText.escape(reason))) }
        if let error = service.lastError {
            fields.append(("Last error", SafeText.escape(error) + when(service.lastErrorTimestamp)))
        }
        return fields + keeping
    }

    private var keeping: [(key: String, value: String)] {
        guard let controlGroup else { return [] }
        let missing = controlGroup.missing.map(SafeText.escape)
        guard let path = controlGroup.path else { return [("Control group", "none: \(missing ?? "-")")] }
        return [("Control group", SafeText.escape(path))] + (missing.map { [("Not limited", $0)] } ?? [])
    }

    private var state: String {
        style.paint(service.state.rawValue, service.state.colour)
            + (service.listeningTimestamp.map {
                "\(since) \(TimeText.point($0)); \(TimeText.span(from: $0, to: now)) ago"
            } ?? "")
            + StatusText.retry(service, now: now)
    }

    // The time tells since when it listens, not since when it is suspended, say.
    private var since: String { service.state.isServing ? " since" : ", listening since" }

    private func when(_ timestamp: Int64?) -> String {
        timestamp.map { " (\(TimeText.point($0)); \(TimeText.span(from: $0, to: now)) ago)" } ?? ""
    }
}
