// SPDX-License-Identifier: Apache-2.0
// One closing under way: asks connections to end when their grace is over, and tells how far it has come.

internal import EventLoops
internal import ManagerInterface
internal import Policy
internal import ServiceConfig
internal import SocketServer

/// One closing: of services with all their connections, or of some connections.
///
/// It is the one mechanism behind every end: of a service, of connections, of a reload, of the daemon. Whoever waits for
/// it waits for all of it; several may.
///
/// | step | what happens | leaves it by |
/// |---|---|---|
/// | accepting | its services serve those in their queues; connections may end by themselves | `endAccepting`, the end of the grace |
/// | waiting | nobody is accepted any more; connections may end by themselves | the last one's end, the end of the grace |
/// | stopping | connections were asked to end | the last one's end, the deadline |
/// | killing | what is left is sent SIGKILL | the last one's end |
/// | finished | its services have left it | nothing |
///
/// One that keeps its connections goes from accepting to finished. A stricter plan, in any step but the last, moves the
/// times. Its services hold it until it is finished.
actor Closing {
    /// The shortest time between two replies that tell nothing but other numbers.
    static let interval = Duration.milliseconds(100)

    /// What is closed.
    enum Scope {
        /// One service with its connections.
        case service
        /// Every service with its connections.
        case everything
        /// Some connections; services go on.
        case connections
    }

    /// What it closes.
    nonisolated let scope: Scope
    nonisolated private let loop: EventLoop
    nonisolated private let services: [Service]
    private var tally: ClosingTally
    private let progressed: LoopCondition
    /// Grows when there is something to tell.
    private var version = 0
    private var graceTimer: LoopTimer?
    private var deadlineTimer: LoopTimer?
    private var reportTimer: LoopTimer?
    private var told: ClosingProgress?
    /// How the connection ended, if it is about one.
    private(set) var exit: ManagerInterface.ExitReport?
    /// Is told when there is progress to tell.
    private let tell: @Sendable (ClosingProgress, String?) -> Void

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private init(_ plan: ClosingPlan, _ scope: Scope, of services: [Service], _ context: ServiceContext) {
        self.services = services
        self.scope = scope
        loop = context.loop
        tell = context.events.closing
        tally = ClosingTally(plan)
        progressed = LoopCondition(on: loop)
    }

    /// Whether nothing is left to be done.
    var isFinished: Bool { tally.isFinished }
    /// Whether services are closed, too, not only connections.
    nonisolated var closesServices: Bool { scope != .connections }
    /// The one service that it is about, if it is about one.
    nonisolated var serviceName: String? {
        scope != .everything && services.count == 1 ? services.first?.name.description : nil
    }

    /// Whether connections are to end, rather than to be left alone.
    var endsConnections: Bool { tally.plan.by != nil }

    /// The ids of the connections that have not ended.
    var openIDs: Set<UInt64> { Set(tally.open.keys) }

    /// How far it has come.
    var progress: ClosingProgress {
        tally.progress(at: loop.now) { WallClock.microseconds(in: $0 - self.loop.now) }
    }

    // MARK: What it does

    /// Begins a closing of `services`, or makes `same`, which is under way, as strict: both are finished together.
    ///
    /// Where only connections are closed, they are those that `isMeant` holds for. Only on the loop.
    static func begin(
        _ plan: ClosingPlan, _ scope: Scope, of services: [Service], _ context: ServiceContext, joining same: Closing?,
        _ isMeant: @escaping @Sendable (ConnectionStatus) -> Bool = { _ in true }
    ) -> Closing {
        if let same {
            same.assumeIsolated { $0.tighten(plan) }
            return same
        }
        let closing = Closing(plan, scope, of: services, context)
        closing.assumeIsolated { $0.begin(isMeant) }
        return closing
    }

    private func begin(_ isMeant: @escaping @Sendable (ConnectionStatus) -> Bool) {
        for service in services { service.assumeIsolated { $0.join(self, isMeant) } }
        moveTimers()
        settle()
    }

    /// Goes on by a stricter plan, if `plan` is one.
    private func tighten(_ plan: ClosingPlan) {
        let combined = tally.plan.combined(with: plan)
        guard combined != tally.plan, !isFinished else { return }
        tally.plan = combined
        // Its times are news.
        told = nil
        moveTimers()
        settle()
    }

    private func moveTimers() {
        graceTimer?.cancel()
        deadlineTimer?.cancel()
        guard tally.plan.by != nil, !isFinished else { return }
        deadlineTimer = loop.schedule(after: max(.zero, tally.plan.killsAt - loop.now)) { [weak self] in
            self?.assumeIsolated { $0.changed(atOnce: true) }
        }
        guard tally.plan.graceEndsAt > loop.now else { return endGrace() }
        graceTimer = loop.schedule(after: tally.plan.graceEndsAt - loop.now) { [weak self] in
            self?.assumeIsolated {
                $0.endGrace()
                $0.settle()
            }
        }
    }

    private func endGrace() {
        guard let by = tally.plan.by else { return }
        let (ids, killsAt) = (tally.open, tally.plan.killsAt)
        for service in services {
            service.assumeIsolated { service in
                if closesServices { service.stopListening() }
                for connection in service.connections where ids[connection.id] != nil {
                    service.end(connection, by: by, killsAt: killsAt)
                }
                for id in service.lingering.keys where ids[id] != nil { service.endLingering(id, killsAt: killsAt) }
            }
        }
    }

    // MARK: What it is told, by its services

    /// A connection belongs to it.
    func admit(_ id: UInt64, of service: ServiceName) {
        tally.admit(id, of: service)
        changed(atOnce: false)
    }

    /// A service accepts its last connections.
    func beginAccepting() { tally.beginAccepting() }

    /// A service listens no more.
    func endAccepting() {
        tally.endAccepting()
        settle()
    }

    /// A connection has ended.
    func ended(
        _ id: UInt64, _ outcome: ConnectionOutcome, isLingering: Bool, exit: ManagerInterface.ExitReport
    ) {
        guard tally.open[id] != nil else { return }
        self.exit = exit
        tally.ended(id, outcome, isLingering: isLingering)
        changed(atOnce: false)
        if isFinished { settle() }
    }

    private func settle() {
        if isFinished {
            graceTimer?.cancel()
            deadlineTimer?.cancel()
            for service in services { service.assumeIsolated { $0.leave(self) } }
        }
        changed(atOnce: true)
    }

    // MARK: Telling

    private func changed(atOnce: Bool) {
        guard atOnce else {
            if reportTimer == nil {
                reportTimer = loop.schedule(after: Self.interval) { [weak self] in
                    self?.assumeIsolated { $0.changed(atOnce: true) }
                }
            }
            return
        }
        reportTimer?.cancel()
        reportTimer = nil
        let progress = progress
        if let told, progress.hasSameCounts(as: told) { return }
        told = progress
        version += 1
        progressed.signal()
        tell(progress, serviceName)
    }

    /// Returns when nothing is left to be done; false when the task was cancelled first.
    @discardableResult
    func finished() async -> Bool { await progressed.wait { self.assumeIsolated { $0.isFinished } } }

    /// Hands every progress to `send`, the last one excepted, which is returned.
    ///
    /// - Throws: what `send` throws, and `CancellationError`; the closing goes on.
    func follow(_ send: @Sendable (ClosingProgress) async throws -> Void) async throws -> ClosingProgress {
        while !isFinished {
            let seen = version
            try await send(progress)
            guard await progressed.wait(until: { self.assumeIsolated { $0.version != seen || $0.isFinished } }) else {
                throw CancellationError()
            }
        }
        return progress
    }
}

extension ClosingProgress {
    /// Whether it tells no more than `other` does: the times of a plan, which are made of the loop's, differ by nothing
    /// but the moment at which that is done.
    fileprivate func hasSameCounts(as other: ClosingProgress) -> Bool {
        var other = other
        (other.nextStepTimestamp, other.deadlineTimestamp) = (nextStepTimestamp, deadlineTimestamp)
        return self == other
    }
}
