// SPDX-License-Identifier: Apache-2.0
// The methods of the manager interface that this daemon answers, each for those who may call it.

internal import Logging
internal import ManagerInterface
internal import Policy
internal import ServiceConfig
internal import SocketServer
internal import Varlink

/// Whoever has connected to the admin socket, by the kernel's word.
struct AdminCaller: VarlinkCaller {
    let uid: UInt32
    let pid: Int32
    /// The effective and the supplementary groups.
    let groups: [UInt32]
}

/// The methods of the manager interface.
struct ManagerMethods: Sendable {
    let manager: ServiceManager
    let access: AdminAccess
    /// The daemon's own user, who may do all: nobody else could operate a daemon of one's own.
    let owner: UInt32
    let logger: Logger

    /// The way from a call to its answer.
    var dispatcher: Dispatcher<AdminCaller> {
        Dispatcher(
            identity: ServiceIdentity(
                vendor: "serverd", product: "serverd", version: Version.text, url: "https://github.com/serverd/serverd"),
            interfaces: [
                Interface(
                    name: Manager.interfaceName, description: Manager.interfaceDescription, methods: looking + operating
                )
            ])
    }

    private var looking: [Method<AdminCaller>] {
        [
            method(GetStatus.self) { (query) async throws(VarlinkError) in
                if let result = await manager.status(of: query.service) { return result }
                let name = query.service ?? ""
                throw .noSuchService(name, nearest: await manager.nearestName(to: name))
            },
            method(Manager.ListServices.self) { _ in await manager.listServices() },
            method(Manager.DescribeService.self) { (query) async throws(VarlinkError) in
                try await manager.describe(service: query.service)
            },
            method(Manager.ListConnections.self) { (query) async throws(VarlinkError) in
                try await manager.listConnections(query.filter ?? ConnectionFilter(), usage: query.usage ?? true)
            },
            method(Manager.DescribeConnection.self) { (query) async throws(VarlinkError) in
                try await manager.describe(connection: query.id)
            },
        ]
    }

    private var operating: [Method<AdminCaller>] {
        [
            method(Manager.SuspendService.self) { (query) async throws(VarlinkError) in
                try await change(query.service) { await $0.suspend() }
            },
            method(Manager.ResumeService.self) { (query) async throws(VarlinkError) in
                try await change(query.service) { await $0.resume() }
            },
            method(Manager.SetLimit.self) { (query) async throws(VarlinkError) in
                let most = ServerOptions.defaultMaxConnections
                guard (1...most).contains(query.maxConnections) else {
                    throw VarlinkError(
                        Manager.LimitOutOfRange(maxConnections: query.maxConnections, minimum: 1, maximum: most))
                }
                return try await change(query.service) {
                    await $0.setLimit(query.maxConnections)
                    return true
                }
            },
        ]
    }

    private func change(
        _ name: String, _ body: (Service) async -> Bool
    ) async throws(VarlinkError) -> ServiceReply {
        let service = try await manager.service(named: name)
        guard await manager.daemonState != .stopping else {
            throw VarlinkError(Manager.DaemonStopping())
        }
        guard await body(service) else {
            throw VarlinkError(Manager.WrongState(service: name, state: await service.state))
        }
        return ServiceReply(service: await service.status)
    }

    /// A method for those who have its permission; each change is logged, and who made it.
    private func method<M: ManagerMethod>(
        _ declared: M.Type, _ body: @escaping @Sendable (M.Parameters) async throws(VarlinkError) -> M.Result
    ) -> Method<AdminCaller> {
        Method(declared) { (parameters, caller) async throws(VarlinkError) -> M.Result in
            let mayCall =
                caller.uid == owner || access.permits(M.permission.configured, uid: caller.uid, groups: caller.groups)
            guard mayCall else {
                throw VarlinkError(Manager.NotPermitted(method: M.name, needs: M.permission))
            }
            let result = try await body(parameters)
            if M.permission != .read {
                logger.notice(
                    "changed by an operator",
                    metadata: [
                        "method": .string(M.name),
                        "parameters": .string(String(decoding: JSONText.encode(parameters), as: UTF8.self)),
                        "uid": .stringConvertible(caller.uid), "caller_pid": .stringConvertible(caller.pid),
                    ])
            }
            return result
        }
    }
}

extension Permission {
    /// The same in the configuration's words.
    fileprivate var configured: AdminAccess.Permission {
        switch self {
        case .read: .read
        case .operate: .operate
        case .connect: .connect
        }
    }
}
