// SPDX-License-Identifier: Apache-2.0
// Putting another configuration into effect: all at once, or, when something cannot be had, not at all.

internal import Descriptors
internal import EventLoops
internal import ManagerInterface
internal import Policy
internal import ServiceConfig
internal import SocketServer
internal import Systemd

/// Why a configuration was not put into effect; nothing has changed.
enum ReloadFailure: Error, Equatable {
    /// It has mistakes, or asks for what cannot be had.
    case invalid(ConfigErrors)
    /// The daemon is ending.
    case stopping
}

/// What a reload has to have before anything is changed.
private struct PreparedReload {
    /// The services that begin, by name.
    var services: [ServiceName: Service] = [:]
    /// What replaces programs or built-ins, by service.
    var handlings: [ServiceName: Handling] = [:]

    /// Lets go of all of it.
    func discard() {
        for service in services.values { service.assumeIsolated { $0.releaseProgram() } }
        for handling in handlings.values { handling.program?.close() }
    }
}

extension ServiceManager {
    /// How long a reload waits for listeners to close and to open.
    ///
    /// One with clients queued behind a full limit closes when these are served, which others must not wait for.
    static let reloadPatience = Duration.seconds(1)

    /// What putting `next` into effect would change, and whom it would drop.
    func changes(to next: Configuration) -> ConfigurationChanges {
        changes(ConfigDiff(from: configuration, to: next))
    }

    /// Puts another configuration into effect.
    ///
    /// Everything that changes does so between two turns of the loop, except that listeners take their time to close
    /// and to open: it returns when they have, or after ``reloadPatience``. Connections of services that are gone drain after that by themselves.
    /// - Throws: when something that a service needs besides its addresses cannot be had; then nothing has changed.
    func apply(
        _ next: Configuration
    ) async throws(ReloadFailure) -> (changes: ConfigurationChanges, notListening: [NotListening]) {
        guard daemonState != .stopping else { throw .stopping }
        let diff = ConfigDiff(from: configuration, to: next)
        let changes = changes(diff)
        let changing = diff.services.filter { if case .unchanged = $0.kind { false } else { true } }
        let prepared: PreparedReload
        do { prepared = try prepare(changing) } catch { throw .invalid(error) }
        // From here to the next await nobody sees a half of it.
        context.settings.change(to: next.settings)
        configuration = next
        let underWay = begin(changing, prepared)
        context.changes.note()
        keepOperatorSettings()
        await underWay.ended(within: Self.reloadPatience, on: context.loop)
        let notListening = underWay.opening.compactMap { opening in
            services[opening.address.service]?.assumeIsolated { $0.notListening(on: opening.address.address) }
        }
        return (changes, notListening)
    }

    private func changes(_ diff: ConfigDiff) -> ConfigurationChanges {
        ConfigurationChanges(diff) { name in services[name]?.assumeIsolated { RunningService($0) } }
    }

    // MARK: Preparing

    private func prepare(_ changing: [ServiceDiff]) throws(ConfigErrors) -> PreparedReload {
        var prepared = PreparedReload()
        for change in changing {
            guard let next = change.kind.next else { continue }
            let name = next.name
            do {
                if let service = staying(name) {
                    let isOther = service.assumeIsolated { $0.definition.handler != next.handler }
                    guard isOther else { continue }
                    prepared.handlings[name] = try Handling(next, context, logger: service.logger)
                } else {
                    prepared.services[name] = try Service(next, context)
                }
            } catch {
                prepared.discard()
                throw ConfigErrors(preparing: next, error)
            }
        }
        return prepared
    }

    /// The running service of this name, if it is one that can take over another definition.
    ///
    /// One that drains goes on draining, and another one takes its name.
    private func staying(_ name: ServiceName) -> Service? {
        guard let service = services[name], service.assumeIsolated({ !$0.isClosing }) else { return nil }
        return service
    }

    // MARK: Doing it

    private func begin(_ changing: [ServiceDiff], _ prepared: PreparedReload) -> ReloadUnderWay {
        var underWay = ReloadUnderWay()
        // Before anything closes: what was inherited cannot be had again.
        let inherited = copyMovedListeners(changing)
        for change in changing { beginClosing(change, prepared, &underWay) }
        for change in changing { beginOpening(change, prepared, claiming: inherited, &underWay) }
        return underWay
    }

    private func beginClosing(_ change: ServiceDiff, _ prepared: PreparedReload, _ underWay: inout ReloadUnderWay) {
        let name = change.name
        guard let service = services[name] else { return }
        guard change.kind.next != nil, prepared.services[name] == nil else {
            return beginDeparting(service, followedBy: prepared.services[name], &underWay)
        }
        let grace = context.settings.drainTimeout
        for plan in plans(for: change, prepared, service) where plan.isGivenUp {
            underWay.closing[ListenerReference(service: name, address: plan.address)] =
                service.assumeIsolated { $0.giveUp(plan.address, grace: grace) }
        }
    }

    private func beginDeparting(
        _ service: Service, followedBy next: Service?, _ underWay: inout ReloadUnderWay
    ) {
        services[service.name] = nil
        let counters = service.assumeIsolated { $0.counters }
        next?.assumeIsolated { $0.counters = counters }
        depart(service)
        for address in service.assumeIsolated({ $0.definition.listen }) {
            underWay.closing[ListenerReference(service: service.name, address: address)] = Task(
                executorPreference: context.loop
            ) { await service.stoppedListening(on: address) }
        }
    }

    private func beginOpening(
        _ change: ServiceDiff, _ prepared: PreparedReload, claiming inherited: InheritedSockets,
        _ underWay: inout ReloadUnderWay
    ) {
        let name = change.name
        guard let next = change.kind.next, let service = prepared.services[name] ?? services[name] else { return }
        let plans = plans(for: change, prepared, service)
        services[name] = service
        let closing = underWay.closing
        underWay.opening += service.assumeIsolated { service in
            if prepared.services[name] == nil { service.take(next, prepared.handlings[name]) }
            service.beginAnew()
            let steps = plans.filter(\.isOpened).map { plan in
                let others = plan.after.compactMap { closing[$0] }
                return (
                    ListenerReference(service: name, address: plan.address),
                    service.begin(plan.address, after: others, claiming: inherited)
                )
            }
            service.arrangeListeners()
            service.changed()
            return steps
        }
    }

    /// What is done about the addresses of a service that goes on, or begins.
    private func plans(for change: ServiceDiff, _ prepared: PreparedReload, _ service: Service) -> [ListenerPlan] {
        let isNew = prepared.services[change.name] != nil
        let listens = !isNew && service.assumeIsolated { $0.phase.isOpen }
        return change.listeners.map { ListenerPlan($0, of: change.name, listens: listens) }
    }

    /// Copies of the inherited sockets that go from one service to another.
    private func copyMovedListeners(_ changing: [ServiceDiff]) -> InheritedSockets {
        var entries: [(name: String, number: CInt)] = []
        for listener in changing.flatMap(\.listeners) {
            guard case .inherited(let name) = listener.address.kind, case .open(let others) = listener.action else {
                continue
            }
            for other in others {
                let servers = services[other.service]?.assumeIsolated { service in
                    service.listeners.filter { $0.address == listener.address }.compactMap(\.server)
                }
                for server in servers ?? [] {
                    if let copy = server.listener.copy() { entries.append((name, copy.release())) }
                }
            }
        }
        return InheritedSockets(InheritedDescriptors(adopting: entries))
    }

    /// Has a service that is not in the configuration any more end by itself.
    func depart(_ service: Service) {
        service.assumeIsolated { $0.act(on: $0.phase.depart()) }
        let grace = context.settings.drainTimeout
        let end = Task(executorPreference: context.loop) {
            await service.drain(grace: grace)
            await self.departed(service)
        }
        departing.append(DepartingService(service: service, end: end))
    }

    private func departed(_ service: Service) {
        departing.removeAll { $0.service === service }
        context.changes.note()
        if !allServices.contains(where: { $0.name == service.name }) { context.events.serviceRemoved(service.name) }
    }
}

/// A service that is not in the configuration any more, and whose last connections are ending.
struct DepartingService: Sendable {
    /// The service.
    let service: Service
    /// Returns when it has ended.
    let end: Task<Void, Never>
}

extension ConfigErrors {
    /// The error of a service that cannot be had.
    fileprivate init(preparing service: ServiceDefinition, _ error: any Error) {
        let message = StartFailure("cannot prepare the service \"\(service.name)\"", error).description
        self.init(ConfigError(file: service.origin.file, place: nil, message: message))
    }
}
