// SPDX-License-Identifier: Apache-2.0
// What the manager interface can ask of services and of one connection.

internal import ManagerInterface
internal import ServiceConfig
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
        await lookAtSocketFiles(of: [service])
        let (status, isOperators) = (await service.status, await service.isLimitedByOperator)
        let settings = written.map { setting in
            var setting = Setting(setting)
            if setting.key == "max_connections" { setting.limit(to: status.connectionLimit, byOperator: isOperators) }
            return setting
        }
        return Manager.DescribeService.Result(
            service: status, settings: settings, controlGroup: await service.controlGroup)
    }

    /// One connection, and who serves it.
    func describe(connection id: UInt64) async throws(VarlinkError) -> Manager.DescribeConnection.Result {
        for service in allServices {
            guard let found = await service.listed(id) else { continue }
            let handler = await service.handlerDescription(of: id)
            return Manager.DescribeConnection.Result(
                connection: await addUsage(to: [found]).first ?? found.status, command: handler.command,
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
        guard let service = ServiceName(name).flatMap({ services[$0] }) ?? departing else {
            throw .noSuchService(name, nearest: nearestName(to: name))
        }
        return service
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
