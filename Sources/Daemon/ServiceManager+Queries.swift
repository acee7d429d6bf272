// SPDX-License-Identifier: Apache-2.0
// What the manager interface can ask: services, connections, and what they use.

internal import EventLoops
internal import ManagerInterface
internal import Policy
internal import ServiceConfig
internal import Sockets
internal import Varlink

extension ServiceManager {
    /// All services.
    func listServices() async -> Manager.ListServices.Result {
        Manager.ListServices.Result(services: await status(of: nil)?.services ?? [], complete: true)
    }

    /// One service with its settings.
    func describe(service name: String) async throws(VarlinkError) -> Manager.DescribeService.Result {
        let service = try service(named: name)
        let written = configuration.settings(of: service.name) ?? []
        let (status, isOperators) = (await service.status, await service.isLimitedByOperator)
        let settings = written.map { setting in
            var setting = Setting(setting)
            if setting.key == "max_connections" { setting.limit(to: status.connectionLimit, byOperator: isOperators) }
            return setting
        }
        return Manager.DescribeService.Result(
            service: status, settings: settings, controlGroup: await service.controlGroup)
    }

    /// The connections that a filter holds for, with what they use if that is wanted.
    func listConnections(
        _ filter: ConnectionFilter, usage: Bool
    ) async throws(VarlinkError) -> Manager.ListConnections.Result {
        let filter = try ConnectionSelection(filter)
        var asked = allServices
        if let name = filter.service { asked = try services(named: name) }
        var connections: [ConnectionStatus] = []
        for service in asked {
            let chosen = await service.connectionStatuses.filter(filter.matches)
            connections += usage ? await addUsage(to: chosen, of: service) : chosen
        }
        return Manager.ListConnections.Result(connections: connections.sorted { $0.id < $1.id }, complete: true)
    }

    /// One connection, and who serves it.
    func describe(connection id: UInt64) async throws(VarlinkError) -> Manager.DescribeConnection.Result {
        for service in allServices {
            guard let found = await service.connectionStatuses.first(where: { $0.id == id }) else { continue }
            let handler = await service.handlerDescription(of: id)
            return Manager.DescribeConnection.Result(
                connection: await addUsage(to: [found], of: service).first ?? found, command: handler.command,
                builtin: handler.builtin, user: handler.user)
        }
        throw VarlinkError(Manager.NoSuchConnection(id: id))
    }

    /// All services of this name, its own and those that are not in the configuration any more.
    func services(named name: String) throws(VarlinkError) -> [Service] {
        _ = try service(named: name)
        return allServices.filter { $0.name.description == name }
    }

    /// The service of this name; one that is not in the configuration any more if there is no other.
    func service(named name: String) throws(VarlinkError) -> Service {
        let departing = departing.map(\.service).last { $0.name.description == name }
        guard let service = services[name] ?? departing else {
            throw .noSuchService(name, nearest: nearestName(to: name))
        }
        return service
    }

    /// Adds what the handlers of connections use, and what their streams have carried.
    func addUsage(to connections: [ConnectionStatus]) async -> [ConnectionStatus] {
        var result: [ConnectionStatus] = []
        for (name, connections) in Dictionary(grouping: connections, by: \.service) {
            guard let service = services[name] else { continue }
            result += await addUsage(to: connections, of: service)
        }
        return result.sorted { $0.id < $1.id }
    }

    // The loop turns between some of them: thousands of processes take a while.
    private func addUsage(to connections: [ConnectionStatus], of service: Service) async -> [ConnectionStatus] {
        var result = connections
        for index in result.indices {
            await service.addUsage(to: &result[index])
            if index % 32 == 31 { await context.loop.yieldTurn() }
        }
        guard result.contains(where: { $0.transport == .tcp }) else { return result }
        var streams: [StreamEnds: TCPStream] = [:]
        for port in await service.localPorts {
            // What the kernel does not tell is left out.
            let found = (try? await SocketDiagnostics.streams(localPort: port, on: context.loop)) ?? [:]
            for stream in found.values { streams[StreamEnds(stream.identity)] = stream }
        }
        for index in result.indices where result[index].transport == .tcp {
            guard let stream = streams[StreamEnds(result[index])] else { continue }
            result[index].bytesIn = Int64(clamping: stream.bytesReceived)
            result[index].bytesOut = Int64(clamping: stream.bytesAcknowledged)
        }
        return result
    }
}

/// The two ends of a TCP stream as they are shown; no two that exist at a time have the same.
private struct StreamEnds: Hashable {
    let local: String
    let peer: String

    init(_ identity: StreamIdentity) {
        local = SocketAddress.inet(identity.local).description
        peer = SocketAddress.inet(identity.peer).description
    }

    init(_ connection: ConnectionStatus) {
        local = connection.localAddress
        peer = connection.peer
    }
}

extension ManagerInterface.Setting {
    /// A setting of the configuration.
    fileprivate init(_ setting: ServiceConfig.Setting) {
        switch setting.origin {
        case .standard: self.init(key: setting.key, value: setting.value, origin: .default)
        case .written(let file, let line):
            self.init(key: setting.key, value: setting.value, origin: .file, file: file, line: line)
        }
    }
    /// Shows the limit in effect, which is not in the configuration where nobody wrote one or an operator set another.
    fileprivate mutating func limit(to maximum: Int, byOperator: Bool) {
        value = "\(maximum)"
        guard byOperator else { return }
        (origin, file, line) = (.operator, nil, nil)
    }
}
