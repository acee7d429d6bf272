// SPDX-License-Identifier: Apache-2.0
// What a daemon could tell `serverctl top`: services and connections at several moments.

internal import ManagerInterface

@testable internal import serverctl

enum TopSamples {
    private static let second: Int64 = 1_000_000
    static let hour = 3600 * second

    static func service(
        _ name: String, _ state: ServiceState = .listening, open: Int = 0, limit: Int = 100, accepted: Int = 0
    ) -> ServiceStatus {
        var service = ServiceStatus(name: name, state: state, addresses: [], connectionLimit: limit)
        (service.connections, service.connectionsAccepted) = (open, accepted)
        return service
    }

    static func connection(
        _ id: UInt64, _ service: String = "git", peer: String = "192.0.2.1:4711", age: Int64 = hour,
        cpu: Int64? = nil, bytesIn: Int64? = nil, bytesOut: Int64? = nil
    ) -> ConnectionStatus {
        ConnectionStatus(
            id: id, service: service, transport: .tcp, peer: peer, localAddress: "192.0.2.9:9418", state: .serving,
            startTimestamp: Samples.now - age, pid: 4000 + Int32(id), cpuTime: cpu, memory: 4 << 20, bytesIn: bytesIn,
            bytesOut: bytesOut)
    }

    /// A sample so many seconds after the first one.
    static func sample(
        _ services: [ServiceStatus] = [], _ connections: [ConnectionStatus] = [], after seconds: Int64 = 0
    ) -> TopSample {
        TopSample(
            daemon: Samples.daemon, services: services, connections: connections, timestamp: Samples.now,
            uptime: 5 * hour + seconds * second)
    }

    /// Three services and four connections, two of which have worked between two samples.
    static func busy() -> TopModel {
        var model = TopModel()
        for step in 0...4 {
            let accepted = [100, 100, 104, 112, 116][step]
            let step = Int64(step)
            let services = [
                service("echo", .full, open: 1, limit: 1, accepted: 7), service("git", open: 2, accepted: accepted),
                service("web", .failed, limit: 5),
            ]
            let connections = [
                connection(812, age: 26 * hour, cpu: 60_000 + 500_000 * step, bytesIn: 1536, bytesOut: 999),
                connection(
                    815, peer: "[2001:db8::1]:50000", age: 2 * hour, cpu: 20_000, bytesIn: 10, bytesOut: 5 << 20),
                Samples.local,
                connection(1010, "日本", peer: "203.0.113.7:1", age: 90 * second, cpu: 1000 + 20_000 * step),
            ]
            model.take(sample(services, connections, after: 2 * step))
        }
        return model
    }
}

extension TopModel {
    /// Takes keys one after the other, written as characters.
    mutating func type(_ text: String) {
        for scalar in text.unicodeScalars { _ = press(.character(scalar)) }
    }

    /// The ids of the rows in their order.
    var ids: [UInt64] { rows.map(\.status.id) }

    /// The id of the chosen one.
    var selectedID: UInt64? { rows.indices.contains(selection) ? rows[selection].status.id : nil }
}
