// SPDX-License-Identifier: Apache-2.0
// What an operator can close and open again: services, connections, everything.

internal import EventLoops
internal import ManagerInterface
internal import Policy
internal import ServiceConfig
internal import SocketServer
internal import Varlink

extension ServiceManager {
    /// Closes a service, or joins the closing that is under way.
    func close(_ call: Manager.CloseService.Parameters) async throws(VarlinkError) -> Closing {
        let service = try service(named: call.service)
        let existing = call.existing ?? .keep
        let plan = try times(call.grace, call.deadline).plan(existing)
        if existing == .shutdown {
            try await service.checkShutdown()
        }
        return await service.close(plan)
    }

    /// Closes one connection.
    func close(_ call: Manager.CloseConnection.Parameters) async throws(VarlinkError) -> Closing {
        let plan = try times(nil, call.deadline).plan(by: call.by ?? .stop)
        for service in allServices {
            guard await service.has(call.id) else { continue }
            return try await close(plan, [service]) { $0.id == call.id }
        }
        throw VarlinkError(Manager.NoSuchConnection(id: call.id))
    }

    /// Closes the connections that a filter holds for.
    func close(_ call: Manager.CloseConnections.Parameters) async throws(VarlinkError) -> Closing {
        guard call.filter != ConnectionFilter() else {
            throw VarlinkError(
                Manager.InvalidFilter(reason: "it has no condition, and would hold for every connection: see Drain"))
        }
        let filter = try ConnectionSelection(call.filter)
        let plan = try times(nil, call.deadline).plan(by: call.by ?? .stop)
        let asked = try filter.service.map { name throws(VarlinkError) in try services(named: name) }
        return try await close(plan, asked ?? allServices, filter.matches)
    }

    /// Closes every service, or joins such a closing that is under way.
    func drain(_ call: Manager.Drain.Parameters) async throws(VarlinkError) -> Closing {
        drain(try times(call.grace, call.deadline).drainPlan(drainTimeout: context.settings.drainTimeout))
    }

    /// Has all services listen that are closed or have failed; none, while one is on its way to its end.
    func openServices() async throws(VarlinkError) -> Manager.OpenServices.Result {
        let all = services.values.sorted { $0.name < $1.name }
        if let draining = all.first(where: { $0.assumeIsolated { $0.isClosing } }) {
            throw VarlinkError(Manager.WrongState(service: draining.name.description, state: .draining))
        }
        // All at once: whoever closes one from now on, or everything, has the later word.
        let opening = all.filter {
            $0.assumeIsolated { [.closed, .failed].contains($0.state) && $0.beginAnew() }
        }
        var result = Manager.OpenServices.Result(opened: [])
        for service in opening {
            await service.listenAgain()
            let silent = await service.notListening
            result.notListening += silent
            if silent.isEmpty, await service.phase.isOpen { result.opened.append(service.name.description) }
        }
        return result
    }

    private func times(_ grace: Int64?, _ deadline: Int64?) throws(VarlinkError) -> ClosingTimes {
        try ClosingTimes(
            grace: grace, deadline: deadline, stopTimeout: context.settings.stopTimeout, now: context.loop.now)
    }

    private func close(
        _ plan: ClosingPlan, _ services: [Service], _ isMeant: @escaping @Sendable (ConnectionStatus) -> Bool
    ) async throws(VarlinkError) -> Closing {
        if plan.by == .shutdown {
            for service in services {
                try await service.checkShutdown(isMeant)
            }
        }
        let same = closingUnderWay(of: services, isMeant)
        return Closing.begin(plan, .connections, of: services, context, joining: same, isMeant)
    }

    /// The closing of the very same connections that has begun before; nil when there is none.
    ///
    /// Whoever repeats a call again and again gets no other closing each time. One of no connections is over at once, and
    /// is never found.
    private func closingUnderWay(
        of services: [Service], _ isMeant: @escaping @Sendable (ConnectionStatus) -> Bool
    ) -> Closing? {
        let meant = Set(
            services.flatMap { service in
                service.assumeIsolated { service in
                    service.listedIDs.filter { id in (service.listed(id)?.status).map(isMeant) ?? false }
                }
            })
        return services.lazy.flatMap { $0.assumeIsolated { $0.closings } }.first { closing in
            closing.scope == .connections && closing.assumeIsolated { $0.openIDs } == meant
        }
    }
}
