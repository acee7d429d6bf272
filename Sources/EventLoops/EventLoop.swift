// SPDX-License-Identifier: Apache-2.0
// The event loop: libsystemd's sd-event as the one serial executor on which the daemon's work runs.

internal import CLinux
internal import CSystemd
internal import Descriptors
internal import Glibc
internal import Synchronization
internal import SystemPackage

// Safe: what is not behind `remote`'s lock is touched only by the loop's own thread, which `preconditionOnLoop` proves.
/// A thread that waits for descriptors, timers and signals, and runs Swift tasks between them.
///
/// The loop's law. One turn is: dispatch the sources that are pending, a bounded number of them; then run the jobs
/// that were queued when that was done, and those that they queued, a bounded number of generations; then wait, without
/// blocking while jobs remain. So a task that yields for ever never starves input and output, and a flood of input
/// never starves the tasks. Nothing that runs on the loop may block it.
///
/// sd-event is touched only from the loop's thread: ``execute(_:)`` and ``enqueue(_:)`` may be called from any other.
public final class EventLoop: SerialExecutor, TaskExecutor, @unchecked Sendable {
    /// The loop on which the current task was started by ``run(_:)``.
    @TaskLocal public static var current: EventLoop?

    /// How many pending sources one turn dispatches before it gives the jobs their time.
    static let sourcesPerTurn = 64

    /// How many generations of jobs one turn runs before it looks at the sources again.
    ///
    /// A job that resumes another is nearly always followed by it alone: asking the kernel between the two would cost
    /// more than they do.
    static let generationsPerTurn = 16

    let sdEvent: OpaquePointer
    var timers = TimerQueue()
    var armedDeadline: Duration?
    var timerSource: OpaquePointer?
    /// Whether a timer was armed or disarmed since sd-event was prepared.
    var mustPrepareAgain = false
    package let clock: any LoopClock

    private let thread = pthread_self()
    let descriptors: WatchedDescriptors
    private var descriptorsSource: OpaquePointer?
    let wakeUp: Descriptor
    var wakeUpSource: OpaquePointer?
    var queue: [Work] = []
    private var generation: [Work] = []
    var nextTurn: [Work] = []
    var polls: [(Bool) -> Bool] = []
    let remote = Mutex(Remote())
    private var isFinished = false
    private var isPrepared = false
    var hasPending = false
    /// How many sources this turn has dispatched: signals, timers, and each descriptor.
    var dispatched = 0

    enum Work {
        case job(UnownedJob)
        case action(() -> Void)
    }

    // Safe: an entry is made by one thread and run by the loop's, with the lock between them.
    struct Remote: @unchecked Sendable {
        var work: [Work] = []
    }

    private init(clock: any LoopClock) throws(Errno) {
        // First: they close themselves when what follows fails.
        descriptors = try WatchedDescriptors()
        wakeUp = Descriptor(adopting: try Errno.check(clinux_eventfd()))
        var event: OpaquePointer?
        try Errno.check(libsystemd: sd_event_new(&event))
        guard let event else { preconditionFailure("sd_event_new has made nothing") }
        sdEvent = event
        self.clock = clock
        try watchDescriptors()
        try watchWakeUp()
        try addTimerSource()
    }

    deinit {
        sd_event_source_disable_unref(timerSource)
        sd_event_source_disable_unref(wakeUpSource)
        sd_event_source_disable_unref(descriptorsSource)
        sd_event_unref(sdEvent)
    }

    // MARK: Running

    /// Runs `body` on a new event loop that owns the calling thread, and returns what it returned.
    ///
    /// Tasks that `body` starts with `Task(executorPreference: EventLoop.current)`, and every server it creates, run on
    /// this loop too. Those that are not done when `body` returns are never resumed: close servers first.
    /// - Throws: what `body` throws; an `Errno` when there are not enough descriptors for a loop.
    public static func run<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) throws -> Result {
        try run(clock: MonotonicClock(), body)
    }

    /// As ``run(_:)``, with the clock that its timers follow.
    package static func run<Result: Sendable>(
        clock: any LoopClock, _ body: @escaping @Sendable () async throws -> Result
    ) throws -> Result {
        let loop = try EventLoop(clock: clock)
        let outcome = Outcome<Result>()
        EventLoop.$current.withValue(loop) {
            // The loop turns below until it has ended.
            _ = Task(executorPreference: loop) {
                let result: Swift.Result<Result, any Error>
                do { result = .success(try await body()) } catch { result = .failure(error) }
                outcome.result.withLock { $0 = result }
                loop.execute { loop.isFinished = true }
            }
            // Within: tasks that callbacks of the loop start, such as handlers, have it as the current one too.
            while !loop.isFinished { loop.turn() }
        }
        loop.forgetWork()
        guard let result = outcome.result.withLock({ $0 }) else {
            preconditionFailure("the loop ends only after its body")
        }
        return try result.get()
    }

    // What is never run any more may hold whoever holds the loop.
    private func forgetWork() {
        timers = TimerQueue()
        queue = []
        nextTurn = []
        polls = []
    }

    private func turn() {
        var pending = wait()
        dispatched = 0
        while pending > 0 {
            check(sd_event_dispatch(sdEvent), "sd_event_dispatch")
            dispatched += 1
            pending = check(sd_event_prepare(sdEvent), "sd_event_prepare")
            isPrepared = pending == 0
            guard dispatched < Self.sourcesPerTurn else { break }
        }
        hasPending = pending > 0
        poll(isIdle: dispatched == 0 && queue.isEmpty && nextTurn.isEmpty)
        // Those who have yielded come behind those whom the sources have woken.
        let yielded = nextTurn
        nextTurn = []
        runJobs()
        queue += yielded
        runJobs()
        armTimer()
    }

    /// Waits for a source, not at all while there are jobs: the number of sources that are pending.
    ///
    /// sd-event was prepared after the last dispatch. What changed a timer since then must be prepared for again; new
    /// descriptors need not be.
    private func wait() -> CInt {
        if hasPending { return 1 }
        if isPrepared, mustPrepareAgain {
            isPrepared = false
            let pending = check(sd_event_wait(sdEvent, 0), "sd_event_wait")
            if pending > 0 { return pending }
        }
        mustPrepareAgain = false
        if !isPrepared {
            let pending = check(sd_event_prepare(sdEvent), "sd_event_prepare")
            if pending > 0 { return pending }
        }
        isPrepared = false
        let mayBlock = queue.isEmpty && nextTurn.isEmpty && polls.isEmpty
        return check(sd_event_wait(sdEvent, mayBlock ? UInt64.max : 0), "sd_event_wait")
    }

    private func watchDescriptors() throws(Errno) {
        let callback: sd_event_io_handler_t = { _, _, _, context in
            guard let context else { return 0 }
            let loop = Unmanaged<EventLoop>.fromOpaque(context).takeUnretainedValue()
            // One of them is counted as the source that they are together.
            let room = EventLoop.sourcesPerTurn - loop.dispatched
            loop.dispatched += max(1, loop.descriptors.dispatch(atMost: room)) - 1
            return 0
        }
        let result = descriptors.epoll.use { number in
            sd_event_add_io(
                sdEvent, &descriptorsSource, number, UInt32(EPOLLIN.rawValue), callback,
                Unmanaged.passUnretained(self).toOpaque())
        }
        try Errno.check(libsystemd: result)
    }

    private func poll(isIdle: Bool) {
        guard !polls.isEmpty else { return }
        let now = polls
        polls = []
        polls += now.filter { $0(isIdle) }
    }

    private func runJobs() {
        for _ in 0..<Self.generationsPerTurn where !queue.isEmpty { runGeneration() }
    }

    @discardableResult
    private func check(_ result: CInt, _ call: StaticString) -> CInt {
        precondition(result >= 0, "\(call): \(String(cString: strerror(-result)))")
        return result
    }

    private func runGeneration() {
        swap(&queue, &generation)
        for work in generation {
            switch work {
            case .job(let job):
                // Not as isolated to this executor: each call of an async function would then be a job of its own.
                job.runSynchronously(on: asUnownedTaskExecutor())
            case .action(let action):
                action()
            }
        }
        generation.removeAll(keepingCapacity: generation.count < 1024)
    }

    // MARK: Isolation

    /// Whether the calling thread is the loop's.
    package var isOnLoop: Bool { pthread_equal(thread, pthread_self()) != 0 }

    /// Traps when called from another thread: for the things that only the loop's thread may touch.
    package func preconditionOnLoop() {
        precondition(isOnLoop, "this belongs to the event loop and was called from another thread")
    }

    /// Tells the Swift runtime whether code runs on this executor: it does on the loop's thread.
    public func checkIsolated() { preconditionOnLoop() }

    /// As ``checkIsolated()``, as an answer.
    public func isIsolatingCurrentContext() -> Bool? { isOnLoop }
}

/// What the body of a run came to, on its way from its task to the end of the run.
private final class Outcome<Value: Sendable>: Sendable {
    let result = Mutex<Result<Value, any Error>?>(nil)
}
