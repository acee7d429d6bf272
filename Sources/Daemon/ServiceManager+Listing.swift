// SPDX-License-Identifier: Apache-2.0
// The connections and what they use, looked at a few at a time: meanwhile others have their turn.

internal import EventLoops
internal import ManagerInterface
internal import Policy
internal import SocketServer
internal import Sockets
internal import Varlink

/// The connections that a filter means, a part after the other: by id, without what they use.
///
/// Only on the loop, which may turn between two parts. Connections that end before their part are left out, and so are
/// those that come.
struct ConnectionParts: Sequence, IteratorProtocol {
    /// How many connections are looked at for a part.
    private static let size = 32

    private let meant: ConnectionSelection
    private var rest: ArraySlice<(id: UInt64, service: Service)>

    /// The connections of `services` that are meant.
    init(_ meant: ConnectionSelection, of services: [Service]) {
        let all = services.flatMap { service in
            service.assumeIsolated { $0.listedIDs }.map { (id: $0, service: service) }
        }
        self.meant = meant
        rest = all.sorted { $0.id < $1.id }[...]
    }

    /// The next part, perhaps empty; nil at the end.
    mutating func next() -> [ConnectionStatus]? {
        guard !rest.isEmpty else { return nil }
        defer { rest = rest.dropFirst(Self.size) }
        return rest.prefix(Self.size).compactMap { (id, service) in
            service.assumeIsolated { $0.listed(id) }
        }.filter(meant.matches)
    }
}

extension ServiceManager {
    /// How many handlers are looked at before the loop turns: the kernel takes ten times as long to tell what a process
    /// uses as we do for all the rest.
    private static let handlersPerTurn = 8

    /// The connections that a filter holds for, by id, with what they use if that is wanted.
    func listConnections(
        _ filter: ConnectionFilter, usage: Bool
    ) async throws(VarlinkError) -> Manager.ListConnections.Result {
        var connections: [ConnectionStatus] = []
        for part in try connectionParts(filter) {
            connections += usage ? await addUsage(to: part) : part
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

    /// Adds what the handlers of connections use, and what their streams have carried.
    ///
    /// It lets the loop turn between a few and the next few.
    func addUsage(to connections: [ConnectionStatus]) async -> [ConnectionStatus] {
        var result = connections
        // What the kernel does not tell is left out.
        let diagnostics = try? SocketDiagnostics()
        for start in stride(from: 0, to: result.count, by: Self.handlersPerTurn) {
            if start > 0 { await context.loop.yieldTurn() }
            let part = start..<min(start + Self.handlersPerTurn, result.count)
            let streams = part.map { addUsage(to: &result[$0]) }
            addBytes(to: &result, part, streams, diagnostics)
        }
        return result
    }

    /// Adds what a handler uses, and returns the stream that it has.
    private func addUsage(to status: inout ConnectionStatus) -> StreamIdentity? {
        let id = status.id
        for service in (try? services(named: status.service)) ?? [] {
            guard service.assumeIsolated({ $0.connection(id) }) != nil else { continue }
            var found = status
            defer { status = found }
            return service.assumeIsolated { service in
                service.addUsage(to: &found)
                return service.stream(of: id)
            }
        }
        return nil
    }

    private func addBytes(
        to connections: inout [ConnectionStatus], _ part: Range<Int>, _ streams: [StreamIdentity?],
        _ diagnostics: SocketDiagnostics?
    ) {
        let asked = zip(part, streams).compactMap { place, stream in stream.map { (place, $0) } }
        guard !asked.isEmpty, let found = try? diagnostics?.streams(asked.map(\.1)) else { return }
        for (place, stream) in zip(asked.map(\.0), found) {
            guard let stream else { continue }
            connections[place].bytesIn = Int64(clamping: stream.bytesReceived)
            connections[place].bytesOut = Int64(clamping: stream.bytesAcknowledged)
        }
    }
}
