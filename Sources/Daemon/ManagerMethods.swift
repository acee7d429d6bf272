// SPDX-License-Identifier: Apache-2.0
// The methods of the manager interface that this daemon answers, each for those who may call it.

internal import Logging
internal import ManagerInterface
internal import Policy
internal import ServiceConfig
internal import SocketServer
internal import Varlink

/// The methods of the manager interface.
struct ManagerMethods: Sendable {
    /// What they look at and change.
    let manager: ServiceManager
    /// What makes plans and reloads.
    let reloader: Reloader
    /// The daemon's own user, who may do all: nobody else could operate a daemon of one's own.
    let owner: UInt32
    /// Where each change is told, with who made it.
    let logger: Logger
    /// Replaces the daemon; nil where there is none to be replaced.
    var reexecutor: Reexecutor?

    /// The way from a call to its answer.
    var dispatcher: Dispatcher<AdminCaller> {
        Dispatcher(
            identity: ServiceIdentity(
                vendor: "serverd", product: "serverd", version: Version.text, url: "https://github.com/serverd/serverd"),
            interfaces: [
                Interface(
                    name: Manager.interfaceName, description: Manager.interfaceDescription,
                    methods: looking + watching + operating + ending + connecting + configuring,
                    authorize: authorize)
            ])
    }

    private var looking: [Method<AdminCaller>] {
        [
            method(GetStatus.self) { (query) async throws(VarlinkError) in
                if let result = await manager.status(of: query.service) { return result }
                let name = query.service ?? ""
                throw .noSuchService(name, nearest: await manager.nearestName(to: name))
            },
            method(Manager.DescribeService.self) { (query) async throws(VarlinkError) in
                try await manager.describe(service: query.service)
            },
            method(Manager.DescribeConnection.self) { (query) async throws(VarlinkError) in
                try await manager.describe(connection: query.id)
            },
        ]
    }

    private var watching: [Method<AdminCaller>] {
        [
            Method(streaming: Manager.Subscribe.self) { (query, caller, replies) in
                try await manager.subscribe(query, caller, replies)
            },
            Method(streamingIfAsked: Manager.ListServices.self) { (_, _, replies) in
                guard let replies else { return await manager.listServices() }
                return try await manager.listServices(replies)
            },
            Method(streamingIfAsked: Manager.ListConnections.self) { (query, _, replies) in
                let (filter, usage) = (query.filter ?? ConnectionFilter(), query.usage ?? true)
                guard let replies else { return try await manager.listConnections(filter, usage: usage) }
                return try await manager.listConnections(filter, usage: usage, replies)
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
            method(Manager.OpenService.self) { (query) async throws(VarlinkError) in
                try await change(query.service) { await $0.reopen() }
            },
            method(Manager.OpenServices.self) { _ async throws(VarlinkError) in
                try await requireRunning()
                return try await manager.openServices()
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

    private var configuring: [Method<AdminCaller>] {
        [
            method(Manager.Plan.self) { _ throws(VarlinkError) in
                do throws(ReloadFailure) { return try await reloader.plan() } catch {
                    throw VarlinkError(error)
                }
            },
            // Who asked for it is logged where it is done.
            Method(Manager.Reload.self) { (_, caller) async throws(VarlinkError) in
                do throws(ReloadFailure) {
                    return try await reloader.reload(for: .caller(uid: caller.uid, pid: caller.pid))
                } catch {
                    throw VarlinkError(error)
                }
            },
        ] + replacing
    }

    private var replacing: [Method<AdminCaller>] {
        [
            Method(streaming: Manager.Reexec.self) { (query, caller, replies) in
                guard let reexecutor else { throw VarlinkError.methodNotImplemented(Manager.Reexec.fullName) }
                logChange(Manager.Reexec.self, query, caller)
                do throws(ReexecFailure) {
                    // A caller that has left is told nothing; the daemon is replaced all the same.
                    try await reexecutor.reexec { try? await replies.send($0) }
                } catch {
                    throw VarlinkError(Manager.ReexecRefused(obstacle: error.obstacle, detail: error.detail))
                }
            }
        ]
    }

    private var ending: [Method<AdminCaller>] {
        [
            closing(Manager.CloseService.self) { (call) async throws(VarlinkError) in try await manager.close(call) },
            closing(Manager.CloseConnections.self) { (call) async throws(VarlinkError) in try await manager.close(call)
            },
            closing(Manager.Drain.self) { (call) async throws(VarlinkError) in try await manager.drain(call) },
            closing(Manager.CloseConnection.self) { (call) async throws(VarlinkError) in
                try await manager.close(call)
            } reply: {
                Manager.CloseConnection.Result(progress: $0, exit: $1)
            },
        ]
    }

    private var connecting: [Method<AdminCaller>] {
        [
            Method(upgrading: Manager.Connect.self) { (call, caller) async throws(VarlinkError) in
                let service = try await manager.service(named: call.service)
                try await requireRunning()
                let ticket = try await service.admit(caller)
                logger.notice(
                    "a caller becomes a connection",
                    metadata: [
                        "service": .string(call.service), "connection": .stringConvertible(ticket.id),
                        "uid": .stringConvertible(caller.uid), "caller_pid": .stringConvertible(caller.pid),
                    ])
                return (Manager.Connect.Result(id: ticket.id), ticket)
            }
        ]
    }

    private func requireRunning() async throws(VarlinkError) {
        guard await manager.daemonState != .stopping else { throw VarlinkError(Manager.DaemonStopping()) }
    }

    private func change(
        _ name: String, _ body: (Service) async -> Bool
    ) async throws(VarlinkError) -> ServiceReply {
        let service = try await manager.service(named: name)
        try await requireRunning()
        guard await body(service) else {
            throw VarlinkError(Manager.WrongState(service: name, state: await service.state))
        }
        return ServiceReply(service: await service.status)
    }

    // MARK: Who may, and what is told

    /// A method; each change is logged, and who made it.
    private func method<M: ManagerMethod>(
        _ declared: M.Type, _ body: @escaping @Sendable (M.Parameters) async throws(VarlinkError) -> M.Result
    ) -> Method<AdminCaller> {
        Method(declared) { (parameters, caller) async throws(VarlinkError) -> M.Result in
            let result = try await body(parameters)
            if M.permission != .read { await changed(declared, parameters, caller) }
            return result
        }
    }

    /// A method that closes something, and of whose progress nothing else is to be told.
    private func closing<M: ManagerMethod>(
        _ declared: M.Type, begin: @escaping @Sendable (M.Parameters) async throws(VarlinkError) -> Closing
    ) -> Method<AdminCaller> where M.Result == ProgressReply {
        closing(declared, begin: begin) { progress, _ in ProgressReply(progress: progress) }
    }

    /// A method that closes something: it tells its progress if asked, and answers at the end.
    private func closing<M: ManagerMethod>(
        _ declared: M.Type, begin: @escaping @Sendable (M.Parameters) async throws(VarlinkError) -> Closing,
        reply: @escaping @Sendable (ClosingProgress, ExitReport?) -> M.Result
    ) -> Method<AdminCaller> {
        Method(streamingIfAsked: declared) { (parameters, caller, replies) in
            let closing = try await begin(parameters)
            await changed(declared, parameters, caller)
            let last = try await closing.follow { try await replies?.send(reply($0, nil)) }
            return reply(last, await closing.exit)
        }
    }

    /// Whether `caller` may call `method`.
    /// - Throws: `NotPermitted`.
    func authorize(_ method: String, _ caller: AdminCaller) throws(VarlinkError) {
        // One that nobody has said anything about is for those who may change something.
        let needed = Manager.permissions[method] ?? .operate
        let access = manager.context.settings.value.access
        guard caller.uid == owner || access.permits(needed.configured, uid: caller.uid, groups: caller.groups) else {
            throw VarlinkError(Manager.NotPermitted(method: method, needs: needed))
        }
    }

    /// Something was changed: it is logged, and kept for the next daemon.
    private func changed<M: ManagerMethod>(
        _ method: M.Type, _ parameters: M.Parameters, _ caller: AdminCaller
    ) async {
        logChange(method, parameters, caller)
        await manager.keepOperatorSettings()
    }

    private func logChange<M: ManagerMethod>(_ method: M.Type, _ parameters: M.Parameters, _ caller: AdminCaller) {
        logger.notice(
            "changed by an operator",
            metadata: [
                "method": .string(M.name),
                "parameters": .string(String(decoding: JSONText.encode(parameters), as: UTF8.self)),
                "uid": .stringConvertible(caller.uid), "caller_pid": .stringConvertible(caller.pid),
            ])
    }
}

extension VarlinkError {
    /// Why nothing was reloaded.
    fileprivate init(_ failure: ReloadFailure) {
        switch failure {
        case .invalid(let errors): self.init(Manager.ConfigurationInvalid(errors))
        case .stopping: self.init(Manager.DaemonStopping())
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
