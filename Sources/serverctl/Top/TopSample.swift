// SPDX-License-Identifier: Apache-2.0
// What the daemon tells at one moment, and what two such moments tell together: rates, and shares of a processor.

internal import ManagerInterface
internal import Policy

/// What the daemon told at one moment.
struct TopSample {
    /// The daemon.
    var daemon: DaemonStatus
    /// Its services, by name.
    var services: [ServiceStatus]
    /// Its connections.
    var connections: [ConnectionStatus]
    /// When that was, in microseconds since the epoch.
    var timestamp: Int64
    /// When that was, in microseconds of a clock that nobody sets.
    var uptime: Int64
}

/// A service, and how fast it has accepted connections.
struct TopService: Equatable {
    /// The service at the last sample.
    var status: ServiceStatus
    /// Connections accepted per second between samples, the newest last; at most ``TopActivity/rateLimit``.
    var rates: [Double] = []
}

/// A connection, and what it has used between the last two samples.
struct TopConnection: Equatable {
    /// The connection at the last sample.
    var status: ConnectionStatus
    /// How much of one processor its handler has used, in percent; `nil` if that is not known.
    var cpuPercent: Double?

    /// Bytes in both directions; `nil` if neither is known.
    var bytes: Int64? {
        guard status.bytesIn != nil || status.bytesOut != nil else { return nil }
        return (status.bytesIn ?? 0).saturatingAdd(status.bytesOut ?? 0)
    }
}

/// What samples tell, one after the other.
struct TopActivity {
    /// How many rates are kept of a service.
    static let rateLimit = 60
    /// The last sample.
    private(set) var sample: TopSample?
    /// The services, by name.
    private(set) var services: [TopService] = []
    /// The connections, as the daemon has told them.
    private(set) var connections: [TopConnection] = []

    /// Takes the next sample.
    mutating func take(_ next: TopSample) {
        let seconds = sample.map { Double(next.uptime - $0.uptime) / 1_000_000 } ?? 0
        let before = Dictionary(services.map { ($0.status.name, $0) }) { $1 }
        services = next.services.map { status in
            var service = TopService(status: status)
            guard seconds > 0, let last = before[status.name] else { return service }
            // A count that has fallen is another's: the service was removed and added again.
            let accepted = status.connectionsAccepted.saturatingSubtract(last.status.connectionsAccepted)
            if accepted >= 0 { service.rates = (last.rates + [Double(accepted) / seconds]).suffix(Self.rateLimit) }
            return service
        }
        let used = Dictionary(connections.map { ($0.status.id, $0.status.cpuTime) }) { $1 }
        connections = next.connections.map { status in
            guard seconds > 0, let now = status.cpuTime, let last = used[status.id] ?? nil else {
                return TopConnection(status: status)
            }
            return TopConnection(
                status: status, cpuPercent: max(0, Double(now.saturatingSubtract(last)) / 10_000 / seconds))
        }
        sample = next
    }
}
