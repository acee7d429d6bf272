// SPDX-License-Identifier: Apache-2.0
// An event as one line.

internal import ManagerInterface
internal import Policy

/// The text of an event.
enum EventText {
    /// The line, with its end; nothing in it can harm a terminal.
    static func line(_ event: Event) -> String {
        let service = event.connection?.service ?? event.status?.name ?? event.service
        let subject = service.map { "\($0): " } ?? ""
        return TimeText.point(event.timestamp) + "  " + SafeText.escape(subject + words(event)) + "\n"
    }

    private static func words(_ event: Event) -> String {
        switch event.kind {
        case .connectionOpened: connection(event) + " opened"
        case .connectionRefused: "refused \(event.peer ?? "a client")\(event.refusal.map(why) ?? "")"
        case .connectionEnded: connection(event) + " ended\(event.exit.map { ": " + ConnectionText.ending($0) } ?? "")"
        case .serviceChanged: event.status.map(service) ?? "changed"
        case .serviceRemoved: "removed"
        case .closingProgress: "closing: " + (event.closing.map(closing) ?? "goes on")
        case .reloaded: "reloaded: " + (event.changes.map(ChangesText.summary) ?? "done")
        case .reloadFailed: "reload failed: " + mistakes(event.errors ?? [])
        case .subscriberLost: subscriber(event) + " read too slowly, and gets no more"
        case .daemonStopping: "serverd was told to stop"
        }
    }

    private static func connection(_ event: Event) -> String {
        event.connection.map { "connection \($0.id) from \(ConnectionText.peer($0))" } ?? "a connection"
    }

    private static func why(_ reason: RefusalReason) -> String {
        switch reason {
        case .limit: ": it has as many connections as it may"
        case .closed: ": it was just closed"
        }
    }

    private static func service(_ status: ServiceStatus) -> String {
        let addresses = status.state.isServing ? " on \(status.addresses.joined(separator: ", "))" : ""
        let reason = StatusText.reason(status).map { ": \($0)" } ?? ""
        return "\(status.state.rawValue)\(addresses)\(reason); "
            + "\(status.connections) of at most \(CountText.of(status.connectionLimit, "connection"))"
    }

    private static func closing(_ progress: ClosingProgress) -> String {
        "\(progress.step.rawValue); \(ClosingSummary.counts(progress))"
    }

    private static func mistakes(_ errors: [ConfigurationError]) -> String {
        guard let first = errors.first else { return "the configuration has mistakes" }
        let rest = errors.count > 1 ? "; and \(errors.count - 1) more" : ""
        return first.headline + rest
    }

    private static func subscriber(_ event: Event) -> String {
        event.subscriber.map { "the client with uid \($0.uid) and pid \($0.pid)" } ?? "a client"
    }
}
