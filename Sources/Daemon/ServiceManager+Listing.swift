// SPDX-License-Identifier: Apache-2.0
// The connections and what they use, looked at a few at a time: meanwhile others have their turn.

internal import EventLoops
internal import ManagerInterface
internal import Policy
internal import SocketServer
internal import Sockets
internal import Supervision
internal import Varlink

/// A connection that is listed.
///
/// It goes through many hands, thousands at a time.
final class ListedConnection: Identifiable, Sendable {
    /// The connection, without what it uses.
    let status: ConnectionStatus
    /// What to look at for that.
    let question: UsageQuestion

    init(status: ConnectionStatus, question: UsageQuestion) {
        self.status = status
        self.question = question
    }

    /// Its id.
    var id: UInt64 { status.id }
}

/// The connections that a filter means, a part after the other: by id, without what they use.
///
/// Only on the loop, which may turn between two parts. Connections that end before their part are left out, and so are
/// those that come.
struct ConnectionParts: Sequence, IteratorProtocol {
    /// How many connections are looked at for a part.
    private static let size = 16

    private let meant: ConnectionSelection
    private let services: [Service]
    /// The connections to come, each with the place of its service.
    private var rest: ArraySlice<(id: UInt64, service: Int)>

    /// The connections of `services` that are meant.
    init(_ meant: ConnectionSelection, of services: [Service]) {
        let all = services.enumerated().flatMap { place, service in
            service.assumeIsolated { $0.listedIDs }.map { (id: $0, service: place) }
        }
        self.meant = meant
        self.services = services
        rest = all.sorted { $0.id < $1.id }[...]
    }

    /// How many connections there were to come.
    var underestimatedCount: Int { rest.count }

    /// The next part, perhaps empty; nil at the end.
    mutating func next() -> [ListedConnection]? {
        guard !rest.isEmpty else { return nil }
        defer { rest = rest.dropFirst(Self.size) }
        return rest.prefix(Self.size).compactMap { (id, service) in
            services[service].assumeIsolated { $0.listed(id) }
        }.filter { meant.matches($0.status) }
    }
}

extension ServiceManager {
    /// The connections that a filter holds for, by id, with what they use if that is wanted.
    func listConnections(
        _ filter: ConnectionFilter, usage: Bool
    ) async throws(VarlinkError) -> Manager.ListConnections.Result {
        var connections: [ConnectionStatus] = []
        for part in try connectionParts(filter) {
            connections += usage ? await addUsage(to: part) : part.map(\.status)
            await context.loop.yieldTurn()
        }
        return Manager.ListConnections.Result(connections: connections, complete: true)
    }

    /// The connections that a filter holds for, in parts.
    func connectionParts(_ filter: ConnectionFilter) throws(VarlinkError) -> ConnectionParts {
        let meant = try ConnectionSelection(filter)
        guard let name = meant.service else { return ConnectionParts(meant, of: allServices) }
        return ConnectionParts(meant, of: try services(named: name))
    }

    /// Adds what the handlers of connections use, and what their streams have carried; what the kernel does not tell is
    /// left out.
    ///
    /// The loop turns meanwhile.
    func addUsage(to connections: [ListedConnection]) async -> [ConnectionStatus] {
        let answers = await usageReader.answers(to: connections.map(\.question))
        var result = connections.map(\.status)
        for (place, answer) in answers.enumerated() {
            if let usage = answer.process {
                result[place].cpuTime = (usage.userTime + usage.systemTime).wholeMicroseconds
                result[place].memory = usage.residentMemory
            }
            if let stream = answer.stream {
                result[place].bytesIn = Int64(clamping: stream.bytesReceived)
                result[place].bytesOut = Int64(clamping: stream.bytesAcknowledged)
            }
        }
        return result
    }
}
