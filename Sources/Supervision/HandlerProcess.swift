// SPDX-License-Identifier: Apache-2.0
// A handler that is a program, from its clone until it is reaped: the owner of its pidfd.

internal import CLinux
internal import Descriptors
internal import EventLoops
internal import Glibc
internal import SystemPackage

/// A program that serves one connection.
///
/// | state | pid | signals | leaves it |
/// | --- | --- | --- | --- |
/// | starting | ours | reach it, and its group once it has one | when it has executed the program, or cannot |
/// | running | ours, also as a zombie | reach it and its group | when the pidfd says that it has ended: it is reaped |
/// | outlived, when it was being stopped | its group's | reach its group, each process by itself | when none of the group is left |
/// | ended | may be another's | are not sent | never; the report stays |
///
/// A process that has ended while another one traces it, even one of its own children, is the tracer's to reap first:
/// it is given up after ``patienceWithTracer``, its end unknown, and reaped when the tracer lets go of it.
///
/// One whose end the system does not let us wait for, because there is no more room to, is looked at every ``lookInterval``
/// until there is.
///
/// It keeps itself alive until it is reaped: a process that nobody waits for leaves no zombie.
// Safe: the state is touched only on the loop's thread; `exited()` hops there.
package final class HandlerProcess: @unchecked Sendable {
    /// The number of the process, of its session and of its process group; another's after the end.
    package let pid: Int32
    let loop: EventLoop
    private let started: Duration
    private let isAdopted: Bool
    private var tracedSince: Duration?
    private var pidfd: Descriptor?
    private var watch: DescriptorWatch?
    private let groups: ProcessGroupSearch
    /// Its control group, if it is its connection's own.
    var ownGroup: ConnectionGroup?
    private let beginWatching: SystemCall<DescriptorWatch, Void>
    /// Why its end cannot be waited for; `nil` when it can, and once it has been reaped.
    private(set) var watchFailure: Errno?
    private var waiting: [UnsafeContinuation<ExitReport, Never>] = []
    private var start = Start.inFlight(nil)
    /// Why the program was not executed, until the process is reaped.
    private var failure: SpawnFailure?
    var climb: Climb?
    /// What has outlived it while it was being stopped.
    private var outliving: LingeringGroup?
    private var leaderReport: ExitReport?
    /// How long processes of its group may take to be gone once they were killed.
    package static let patienceWithGroup: Duration = .seconds(3)
    /// How long a process that has ended may stay another's to reap.
    package static let patienceWithTracer: Duration = .seconds(1)
    /// How often a process is looked at whose end cannot be waited for.
    package static let lookInterval: Duration = .milliseconds(250)
    /// What was last seen of what it uses, for who looks again.
    ///
    /// Only on the loop.
    package var lastSample: ProcessSample?
    /// How it ended; `nil` while it runs.
    ///
    /// Only on the loop.
    package private(set) var report: ExitReport?

    private enum Start {
        case inFlight(UnsafeContinuation<SpawnFailure?, Never>?)
        case settled(SpawnFailure?)
    }

    /// Whether it has not been reaped; until then its number is nobody else's.
    ///
    /// Only on the loop.
    package var isAlive: Bool { report == nil && leaderReport == nil }

    /// Whether the program was executed.
    ///
    /// Only on the loop.
    package var isExecuted: Bool { if case .settled(nil) = start { true } else { false } }

    /// Starts the command that `slot` was taken for, and returns when there is a process; ``executed()`` tells what
    /// becomes of it.
    ///
    /// Only on the loop.
    ///
    /// The program gets the socket as descriptors 0 and 1 and `standardError` as 2, and no others. Both are lent: the
    /// socket until this returns, and to be closed when the program was executed, so that it alone keeps the
    /// connection open. The slot is the spawner's again. `begun` is called as soon as there is a process, which executes
    /// the program only when that has returned.
    /// - Throws: the step that failed before there was a process; the socket is untouched.
    package static func spawn(
        in slot: SpawnSlot, environment: HandlerEnvironment, socket: CInt, standardError: StandardErrorSink,
        place: HandlerPlace? = nil, by spawner: Spawner, begun: (HandlerProcess) -> Void = { _ in }
    ) throws(SpawnFailure) -> HandlerProcess {
        try spawner.begin(
            slot, environment: environment, socket: socket, standardError: standardError, place: place, begun: begun)
    }

    /// `age` is how long ago the process was started; who is not its parent has adopted it.
    init(
        pid: Int32, pidfd: CInt, loop: EventLoop, groups: ProcessGroupSearch, ownGroup: ConnectionGroup?,
        beginWatching: SystemCall<DescriptorWatch, Void>, age: Duration = .zero, isAdopted: Bool = false
    ) {
        self.pid = pid
        self.loop = loop
        self.groups = groups
        self.ownGroup = ownGroup
        self.beginWatching = beginWatching
        self.pidfd = Descriptor(adopting: pidfd)
        self.isAdopted = isAdopted
        started = loop.now - age
    }

    /// Waits until the program was executed, for a little more than the spawner's deadline at most.
    ///
    /// By one task, on the loop. The task's cancellation does not end the wait.
    /// - Throws: the step that failed. Nothing is left of the process then, unless it cannot be ended.
    package nonisolated(nonsending) func executed() async throws(SpawnFailure) {
        loop.preconditionOnLoop()
        if case .settled(nil) = start { return }
        let failure = await withUnsafeContinuation { (continuation: UnsafeContinuation<SpawnFailure?, Never>) in
            // Only here: it may have been settled on the way.
            if case .settled(let failure) = start {
                continuation.resume(returning: failure)
            } else {
                start = .inFlight(continuation)
            }
        }
        if let failure { throw failure }
    }

    /// The program was executed, or could not be, for this reason; `isGone` tells whether the process has let go of our
    /// memory.
    func settle(_ failure: SpawnFailure?, isGone: Bool) {
        waitForEnd()
        // One that is on its way out is reaped first.
        if failure != nil, isGone { self.failure = failure } else { conclude(failure) }
    }

    private func waitForEnd() {
        guard let watch = pidfd?.use({ DescriptorWatch($0, on: loop) { _ in self.reap() } }) else { return }
        switch beginWatching(watch) {
        case .success:
            self.watch = watch
            watchFailure = nil
        case .failure(let error):
            watchFailure = error
            loop.schedule(after: Self.lookInterval) { if self.hasEnded { self.reap() } else { self.waitForEnd() } }
        }
    }

    /// Whether it has ended and is to be reaped, by whomever.
    private var hasEnded: Bool {
        pidfd?.use { number in
            var request = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
            return poll(&request, 1, 0) > 0
        } ?? false
    }

    private func conclude(_ failure: SpawnFailure?) {
        let waiting: UnsafeContinuation<SpawnFailure?, Never>? = if case .inFlight(let one) = start { one } else { nil }
        start = .settled(failure)
        if failure != nil {
            ownGroup?.close(on: loop)
            end(ExitReport(ending: .unknown, duration: loop.now - started))
        }
        waiting?.resume(returning: failure)
    }

    /// Waits for its end; from any task, and from several.
    ///
    /// When it is being stopped, that is the end of its whole group. The end of a process that could not execute its program is unknown. The task's cancellation does not end the
    /// wait: it is the process that must be ended, by ``stop(_:)``.
    package nonisolated(nonsending) func exited() async -> ExitReport {
        await withUnsafeContinuation { continuation in
            if loop.isOnLoop {
                wait(continuation)
            } else {
                loop.execute { self.wait(continuation) }
            }
        }
    }

    /// Sends `signal` to the process alone.
    ///
    /// Nothing is sent when it has ended. Only on the loop.
    package func signal(_ signal: CInt) {
        loop.preconditionOnLoop()
        pidfd?.use { _ = clinux_pidfd_signal($0, signal) }
    }

    /// Whether there is anything that a signal could reach.
    var canBeSignalled: Bool { report == nil || outliving != nil }

    /// Sends `signal` to its process group.
    ///
    /// Nothing is sent when it has ended: from then on the number may be that of another group. Only on the loop.
    package func signalGroup(_ signal: CInt) {
        loop.preconditionOnLoop()
        if let outliving { return outliving.assumeIsolated { $0.signal(signal) } }
        // An adopted one may be nobody's zombie: the end is looked for at once, before its number is another's.
        guard report == nil, !isAdopted || !hasEnded else { return }
        kill(-pid, signal)
    }

    private func wait(_ continuation: UnsafeContinuation<ExitReport, Never>) {
        if let report {
            continuation.resume(returning: report)
        } else {
            waiting.append(continuation)
        }
    }

    private func reap() {
        var ended = clinux_exit()
        let result = pidfd?.use { clinux_wait($0, 0, &ended) }
        // ECHILD: somebody else has reaped it, or the kernel did, because SIGCHLD is ignored.
        let isOurs = result == 0
        guard !isOurs || ended.pid != 0 else { return waitForTracer() }
        let duration = loop.now - started
        // The watch before its descriptor: the number may be another's as soon as it is closed.
        watch?.cancel()
        watch = nil
        watchFailure = nil
        pidfd.take()?.close()
        if let failure { return conclude(failure) }
        ownGroup?.close(on: loop)
        let isLeft = ownGroup.map { !$0.isGone } ?? LingeringGroup.isLeft(of: pid)
        let report =
            isOurs
            ? ExitReport(ended, duration: duration, isLingering: isLeft)
            : ExitReport(ending: .unknown, duration: duration, isLingering: isLeft)
        if isLeft, climb != nil { awaitGroup(report) } else { end(report) }
    }

    // It was told to end with all that it had started: its end is theirs. The climb goes on meanwhile.
    private func awaitGroup(_ report: ExitReport) {
        guard self.report == nil else { return }
        leaderReport = report
        followGroup { self.end(report.withoutLingering) }
        if stopStage == .killed { groupWasKilled() }
    }

    /// Follows what has outlived it, so that it can be stopped; `gone` is called when nothing of it is left.
    ///
    /// At most once, and only when its report says that something is lingering. It costs a descriptor. Only on the loop.
    package func followGroup(gone: @escaping @Sendable () -> Void) {
        loop.preconditionOnLoop()
        let group = LingeringGroup(pid, on: loop, search: groups) {
            // Who has left the process group is still in the control group.
            if let ownGroup = self.ownGroup { ownGroup.whenGone { self.outlived(gone) } } else { self.outlived(gone) }
        }
        outliving = group
        group.assumeIsolated { $0.look() }
    }

    private func outlived(_ gone: () -> Void) {
        outliving = nil
        climb?.timer?.cancel()
        gone()
    }

    /// Whoever is left of the group was sent SIGKILL: what the kernel does not let go of is given up.
    func groupWasKilled() {
        guard let leaderReport else { return }
        loop.schedule(after: Self.patienceWithGroup) { self.end(leaderReport) }
    }

    // It is a zombie, but not yet ours. The watch would wake us again and again.
    private func waitForTracer() {
        watch?.cancel()
        watch = nil
        let since = tracedSince ?? loop.now
        tracedSince = since
        if loop.now - since >= Self.patienceWithTracer {
            if let failure { conclude(failure) }
            end(ExitReport(ending: .unknown, duration: loop.now - started))
        }
        loop.schedule(after: Self.patienceWithTracer / 4) { self.reap() }
    }

    // The first report stays: of a process that was given up, what is learned later comes too late.
    private func end(_ report: ExitReport) {
        guard self.report == nil else { return }
        if outliving == nil { climb?.timer?.cancel() }
        self.report = report
        let waiting = waiting
        self.waiting = []
        for continuation in waiting { continuation.resume(returning: report) }
    }
}
