// SPDX-License-Identifier: Apache-2.0
// How far a closing has come: which connections are open, what happened to the others, what comes next. Pure.

internal import ManagerInterface
internal import Policy
internal import ServiceConfig

/// What happened to a connection that a closing is about.
enum ConnectionOutcome: Sendable {
    /// It ended by itself.
    case ended
    /// It ended after its handler was asked to.
    case stopped
    /// It ended after its handler was sent SIGKILL.
    case killed
}

/// How far a closing has come; times are on the loop's clock.
struct ClosingTally: Sendable {
    /// How it goes on.
    var plan: ClosingPlan
    /// How many services still accept those who had connected before.
    private(set) var accepting = 0
    /// The connections that are open, and whose they are.
    private(set) var open: [UInt64: ServiceName] = [:]
    private var openOf: [ServiceName: Int] = [:]
    private var outcomes: [ConnectionOutcome: Int] = [:]
    private var lingering = 0

    /// A closing of which nothing has happened yet.
    init(_ plan: ClosingPlan) {
        self.plan = plan
    }

    /// Whether nothing is left to be done.
    var isFinished: Bool { accepting == 0 && (plan.by == nil || open.isEmpty) }

    /// A service begins to accept its last connections.
    mutating func beginAccepting() { accepting += 1 }

    /// A service listens no more.
    mutating func endAccepting() { accepting -= 1 }

    /// A connection belongs to those that it is about.
    mutating func admit(_ id: UInt64, of service: ServiceName) {
        guard open.updateValue(service, forKey: id) == nil else { return }
        openOf[service, default: 0] += 1
    }

    /// A connection has ended; one that it is not about changes nothing.
    mutating func ended(_ id: UInt64, _ outcome: ConnectionOutcome, isLingering: Bool) {
        guard let service = open.removeValue(forKey: id) else { return }
        openOf[service, default: 1] -= 1
        outcomes[outcome, default: 0] += 1
        if isLingering { lingering += 1 }
    }

    /// What is being done.
    func step(at now: Duration) -> ClosingStep {
        if isFinished { return .finished }
        if plan.by == nil { return .accepting }
        if now < plan.graceEndsAt { return accepting > 0 ? .accepting : .waiting }
        return now < plan.killsAt ? .stopping : .killing
    }

    /// All of it, as the manager interface tells it; `wallClock` makes a calendar's time of the loop's.
    func progress(at now: Duration, wallClock: (Duration) -> Int64) -> ClosingProgress {
        let step = step(at: now)
        let isKept = plan.by == nil
        var progress = ClosingProgress(
            step: step, open: isKept ? 0 : open.count, ended: outcomes[.ended] ?? 0, stopped: outcomes[.stopped] ?? 0,
            killed: outcomes[.killed] ?? 0, kept: isKept ? open.count : 0, lingering: lingering)
        guard !isKept, step != .finished else { return progress }
        progress.services = openOf.filter { $0.value > 0 }.sorted { $0.key < $1.key }
            .map { OpenConnections(service: $0.key.description, connections: $0.value) }
        progress.deadlineTimestamp = wallClock(plan.killsAt)
        switch step {
        case .accepting, .waiting:
            (progress.nextStep, progress.nextStepTimestamp) = (.stopping, wallClock(plan.graceEndsAt))
        case .stopping: (progress.nextStep, progress.nextStepTimestamp) = (.killing, wallClock(plan.killsAt))
        case .killing, .finished: break
        }
        return progress
    }
}
