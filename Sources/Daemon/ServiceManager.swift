// SPDX-License-Identifier: Apache-2.0
// All services of the daemon: opened together, looked at, drained together.

internal import EventLoops
internal import Glibc
internal import Logging
internal import ManagerInterface
internal import Policy
internal import ServiceConfig
internal import SocketServer
internal import Systemd

/// All services of the daemon.
actor ServiceManager {
    nonisolated let context: ServiceContext
    private(set) var services: [String: Service] = [:]
    /// What is in effect.
    let configuration: Configuration?
    private(set) var daemonState = DaemonState.starting
    private let startTimestamp = WallClock.microseconds
    private var draining: Closing?

    nonisolated var unownedExecutor: UnownedSerialExecutor { context.loop.asUnownedSerialExecutor() }

    /// A manager without services; they are to be those of `configuration`.
    init(_ context: ServiceContext, _ configuration: Configuration? = nil) {
        self.context = context
        self.configuration = configuration
    }

    /// Opens every enabled service.
    ///
    /// Returns when each listens, or has failed and is tried again by itself. What nobody claims of `inherited` is
    /// reported and closed.
    /// - Throws: when something that a service needs besides its addresses cannot be had. Those before it listen.
    func open(
        _ definitions: [ServiceDefinition], claiming inherited: InheritedSockets
    ) async throws(StartFailure) {
        for definition in definitions where definition.isEnabled {
            let service = try makeService(definition)
            services[definition.name.description] = service
            await service.open(claiming: inherited)
        }
        for unclaimed in inherited.closeUnclaimed() {
            context.logger.warning(
                "closed an inherited descriptor that no service claims; a service claims it by listening on fd:NAME",
                metadata: [
                    "name": .string(unclaimed.name), "descriptor": .stringConvertible(unclaimed.number),
                    "kind": .string(unclaimed.kind.description),
                ])
        }
        if daemonState == .starting { daemonState = .running }
    }

    private func makeService(_ definition: ServiceDefinition) throws(StartFailure) -> Service {
        do { return try Service(definition, context) } catch {
            throw StartFailure("cannot prepare the service \"\(definition.name)\"", error)
        }
    }

    /// Ends the daemon's work: drains every service, all at the same time, and returns when no connection is left.
    func drain() async {
        daemonState = .stopping
        let settings = context.settings
        let plan = ClosingPlan.stop(
            after: settings.drainTimeout, stopTimeout: settings.stopTimeout, now: context.loop.now)
        await drain(plan).finished()
        for service in services.values { await service.retire() }
    }

    /// Ends the grace of a drain: connections are ended now.
    func endConnections() async {
        let stopTimeout = context.settings.stopTimeout
        await drain(.stop(after: .zero, stopTimeout: stopTimeout, now: context.loop.now)).finished()
    }

    /// Closes every service by `plan`, or makes such a closing that is under way as strict.
    func drain(_ plan: ClosingPlan) -> Closing {
        if let draining, !draining.isFinished {
            draining.tighten(plan)
            return draining
        }
        let closing = Closing(
            plan, of: Array(services.values), closesServices: true, on: context.loop, tell: context.events.tell)
        draining = closing
        closing.begin()
        return closing
    }

    // MARK: Looking at them

    /// The name of the service that was perhaps meant by `name`.
    func nearestName(to name: String) -> String? { NearestName.find(name, among: services.keys.sorted()) }

    /// The daemon and its services, or the one that is asked about; nil when there is none of that name.
    func status(of name: String?) async -> GetStatus.Result? {
        var asked = services
        if let name {
            guard let service = services[name] else { return nil }
            asked = [name: service]
        }
        var statuses: [ServiceStatus] = []
        for name in asked.keys.sorted() {
            if let service = asked[name] { statuses.append(await service.status) }
        }
        return GetStatus.Result(
            daemon: DaemonStatus(
                version: Version.text, pid: getpid(), state: daemonState, startTimestamp: startTimestamp),
            services: statuses)
    }

    /// One line for `systemctl status`.
    func statusLine() async -> String {
        var connections = 0
        var notServing = 0
        for service in services.values {
            connections += await service.connectionCount
            if await !service.state.isServing { notServing += 1 }
        }
        let count = services.count
        let line = "\(count) service\(count == 1 ? "" : "s"), \(connections) connection\(connections == 1 ? "" : "s")"
        if daemonState == .stopping { return "Draining: " + line }
        return notServing == 0 ? line : line + ", \(notServing) not serving"
    }
}
