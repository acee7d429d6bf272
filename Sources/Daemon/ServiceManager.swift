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
    /// What its services share.
    nonisolated let context: ServiceContext
    /// The services of the configuration that are enabled.
    var services: [ServiceName: Service] = [:]
    /// Services that a reload has taken out of the configuration, until their last connection has ended.
    var departing: [DepartingService] = []
    /// What is in effect.
    var configuration: Configuration
    /// What the daemon is doing.
    private(set) var daemonState = DaemonState.starting
    private let hasStarted: LoopCondition
    /// When the daemon was started, in microseconds since the epoch.
    let startTimestamp: Int64
    /// What another image of this daemon has told us.
    private let predecessor: SuccessionState?
    /// What the service manager keeps of what operators have set; nil when that is not known.
    var keptSettings: OperatorSettings?
    /// Looks at socket files.
    let lookAtFiles = PatientLook(name: "socket-files")
    /// The next look at them, while somebody is told what happens.
    var nextLook: LoopTimer?
    /// Looks at what connections use.
    nonisolated let usageReader: UsageReader

    nonisolated var unownedExecutor: UnownedSerialExecutor { context.loop.asUnownedSerialExecutor() }

    /// A manager without services; they are to be those of `configuration`, and go on where `predecessor` was, or, after a
    /// crash or a restart, as operators had set them.
    init(
        _ context: ServiceContext, _ configuration: Configuration = Configuration(),
        following predecessor: SuccessionState? = nil, operators settings: OperatorSettings = OperatorSettings()
    ) {
        self.predecessor = predecessor
        keptSettings = predecessor == nil ? settings : nil
        startTimestamp = predecessor?.startTimestamp ?? WallClock.microseconds
        self.context = context
        hasStarted = LoopCondition(on: context.loop)
        usageReader = UsageReader(on: context.loop)
        self.configuration = configuration
    }

    /// Opens every enabled service.
    ///
    /// Returns when each listens, or has failed and is tried again by itself. What nobody claims of `inherited` is
    /// reported and closed.
    /// - Throws: when something that a service needs besides its addresses cannot be had; then none listens.
    func open(
        _ definitions: [ServiceDefinition], claiming inherited: InheritedSockets
    ) async throws(StartFailure) {
        var opening: [Service] = []
        for definition in definitions where definition.isEnabled {
            let service = try makeService(definition)
            services[definition.name] = service
            opening.append(service)
        }
        takeOver(predecessor)
        // Before anybody is accepted: they count.
        try adoptSurvivors()
        for service in opening { await service.open(claiming: inherited) }
        closeUnclaimed(inherited)
        if let keptSettings { tell(keptSettings) }
        keepOperatorSettings()
        if daemonState == .starting { daemonState = .running }
        hasStarted.signal()
    }

    /// Returns when every service is opened, or the daemon ends before.
    func started() async {
        await hasStarted.wait { self.assumeIsolated { $0.daemonState != .starting } }
    }

    private func makeService(_ definition: ServiceDefinition) throws(StartFailure) -> Service {
        do { return try Service(definition, context) } catch {
            throw StartFailure("cannot prepare the service \"\(definition.name)\"", error)
        }
    }

    /// The daemon is told to stop: from now on nothing is begun that it would have to finish.
    func beginStopping() {
        guard daemonState != .stopping else { return }
        daemonState = .stopping
        context.events.daemonStopping()
        hasStarted.signal()
    }

    /// Ends the daemon's work: drains every service, all at the same time, and returns when no connection is left.
    ///
    /// The task must not be cancelled: when the drain is over, what programs write to is let go of.
    func drain() async {
        beginStopping()
        let settings = context.settings.value
        let plan = ClosingPlan.stop(
            after: settings.drainTimeout, stopTimeout: settings.stopTimeout, now: context.loop.now)
        await drain(plan).finished()
        for service in services.values { await service.releaseProgram() }
        for departing in departing { await departing.end.value }
    }

    /// Ends the grace of a drain: connections are asked to end now.
    func endConnections() {
        let stopTimeout = context.settings.stopTimeout
        _ = drain(.stop(after: .zero, stopTimeout: stopTimeout, now: context.loop.now))
    }

    /// Closes every service by `plan`, or makes a closing of all of them that is under way as strict.
    func drain(_ plan: ClosingPlan) -> Closing {
        let services = allServices
        // Of some of them, when a reload has brought others since.
        let underWay = services.first.flatMap { first in
            first.assumeIsolated { $0.closings }.first { closing in
                closing.scope == .everything
                    && services.allSatisfy { $0.assumeIsolated { $0.closings.contains { $0 === closing } } }
            }
        }
        return Closing.begin(plan, .everything, of: services, context, joining: underWay)
    }

    // MARK: Looking at them

    /// The name of the service that was perhaps meant by `name`.
    func nearestName(to name: String) -> String? {
        NearestName.find(name, among: services.keys.map(\.description).sorted())
    }

    /// All services, those too that are not in the configuration any more and have connections.
    var allServices: [Service] { Array(services.values) + departing.map(\.service) }

    /// The daemon and its services, or the one that is asked about; nil when there is none of that name.
    func status(of name: String?) async -> GetStatus.Result? {
        var asked: [ServiceName: [Service]] = [:]
        for service in allServices where name == nil || service.name.description == name {
            asked[service.name, default: []].append(service)
        }
        if name != nil, asked.isEmpty { return nil }
        await lookAtSocketFiles(of: asked.values.flatMap(\.self))
        var statuses: [ServiceStatus] = []
        for name in asked.keys.sorted() { statuses += await status(of: asked[name] ?? []) }
        return GetStatus.Result(
            daemon: DaemonStatus(
                version: Version.text, pid: getpid(), state: daemonState, startTimestamp: startTimestamp,
                images: predecessor?.images ?? 1, reexecFailure: predecessor?.failure),
            services: statuses)
    }

    /// Services of one name as one: its own state and what all of them have of connections; the first is its own, if the
    /// name is still in the configuration.
    private func status(of services: [Service]) async -> [ServiceStatus] {
        guard let first = services.first else { return [] }
        var status = await first.status
        for other in services.dropFirst() { status.connections += await other.connectionCount }
        return [status]
    }

    /// One line for `systemctl status`.
    func statusLine() async -> String {
        var connections = 0
        var notServing = 0
        for service in services.values {
            connections += await service.connectionCount
            if await !service.state.isServing { notServing += 1 }
        }
        for departing in departing { connections += await departing.service.connectionCount }
        let line = "\(CountText.of(services.count, "service")), \(CountText.of(connections, "connection"))"
        if daemonState == .stopping { return "Draining: " + line }
        return notServing == 0 ? line : line + ", \(notServing) not serving"
    }
}
