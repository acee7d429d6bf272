// SPDX-License-Identifier: Apache-2.0
// One event loop's means to start programs: children on their way to their exec while the loop goes on.

package import CLinux
package import Descriptors
package import EventLoops
internal import Glibc
internal import Policy
package import SystemPackage

/// What one event loop needs to start programs. The one path from here to an exec; make it early, while descriptor
/// numbers are low, and after the dispositions of the signals are set.
///
/// A child on its way does not hold the loop up: it is looked at once a turn, and waited for only when there is nothing
/// else to do. One that hangs, because a process of the handler's user stops it or a file system does not answer, keeps
/// its slot until the deadline, and is killed then; meanwhile nothing else is started for its command. One that waits
/// in the kernel where no signal reaches it is abandoned after ``killPatience``: another slot is made in place of its.
///
/// | a slot | its child | leaves it |
/// | --- | --- | --- |
/// | vacant | there is none | ``slot(for:)`` |
/// | taken | there is none yet | ``HandlerProcess/spawn(in:environment:socket:standardError:place:by:)``, ``giveBack(_:)`` |
/// | in flight | on its way to its exec | it has executed the program, failed in a step, or was killed |
// Safe: used only on the loop's thread.
package final class Spawner: @unchecked Sendable {
    /// How many children may be on their way at a time; one command's, one less.
    package static let slotCount = 4
    /// How long the loop waits for a child at a time when it has nothing else to do.
    package static let idleWait: Duration = .milliseconds(5)
    /// How long a child may take before nothing else is started for its command.
    package static let patience: Duration = .milliseconds(100)
    /// How long a child that was killed may take to be gone.
    package static let killPatience: Duration = .seconds(1)

    private static let idleNanoseconds = UInt64(idleWait.wholeNanoseconds)
    private static let killNanoseconds = UInt64(killPatience.wholeNanoseconds)
    private static let patienceNanoseconds = UInt64(patience.wholeNanoseconds)

    let loop: EventLoop
    private let clone: SystemCall<UnsafeMutablePointer<clinux_spawn>, pid_t>
    private let watch: SystemCall<DescriptorWatch, Void>
    private let deadline: UInt64
    let groups: ProcessGroupSearch
    /// How the processes of an earlier daemon are found.
    let lookup: ProcessLookup
    private var vacant: [SpawnSlot] = []
    private var taken: [SpawnSlot] = []
    /// The oldest first.
    private var inFlight: [SpawnSlot] = []
    /// When a child was last made.
    private var lastStart: Duration?
    /// Within which time a program that begins has the processor for the first time, if the loop does not keep it.
    private static let firstTurn = Duration.milliseconds(5)
    /// Their children may still use them.
    private var abandoned: [SpawnSlot] = []
    /// Processes whose end could not be waited for: no other is started until it can.
    private var unwatched: [HandlerProcess] = []
    private var isPolling = false
    private var waiting: [Waiter] = []

    private struct Waiter {
        let command: PreparedCommand
        let continuation: UnsafeContinuation<SpawnSlot, Never>
    }

    /// Reserves what each slot needs: two descriptors and a stack.
    /// - Parameters:
    ///   - deadline: how long a child may take to its exec before it is killed.
    ///   - clone: the spawn itself, for tests.
    ///   - watch: how a process's end begins to be waited for, for tests.
    ///   - lookup: how a process of an earlier daemon is found, for tests.
    /// - Throws: the error of what there was not enough of: descriptors, memory.
    package init(
        on loop: EventLoop, deadline: Duration = .seconds(1),
        clone: SystemCall<UnsafeMutablePointer<clinux_spawn>, pid_t> = .spawn,
        watch: SystemCall<DescriptorWatch, Void> = .watchForReading, lookup: ProcessLookup = ProcessLookup()
    ) throws(Errno) {
        self.loop = loop
        self.lookup = lookup
        self.clone = clone
        self.watch = watch
        self.deadline = UInt64(deadline.wholeNanoseconds)
        groups = ProcessGroupSearch(on: loop)
        for _ in 0..<Self.slotCount { vacant.append(try SpawnSlot()) }
    }

    deinit {
        for slot in inFlight {
            slot.process?.signal(SIGKILL)
            slot.wait(deadline)
            Self.finish(slot)
        }
        // For good: what a child still uses must never be freed.
        for slot in inFlight + abandoned where slot.isInFlight { _ = Unmanaged.passRetained(slot) }
    }

    // MARK: Slots

    /// Takes a slot for `command`, when there is one that it may have.
    ///
    /// Those who wait get them in their order, but first the one whose command has the fewest. It must be used or given
    /// back. Only on the loop. The task's cancellation does not end the wait.
    package nonisolated(nonsending) func slot(for command: PreparedCommand) async -> SpawnSlot {
        loop.preconditionOnLoop()
        if !mustWait(for: command), let slot = take(for: command) { return slot }
        return await withUnsafeContinuation { continuation in
            waiting.append(Waiter(command: command, continuation: continuation))
            serveWaiting()
        }
    }

    /// Whether who asks for a slot for `command` now waits for it.
    package func mustWait(for command: PreparedCommand) -> Bool {
        !waiting.isEmpty || vacant.isEmpty || !mayTakeOne(command)
    }

    /// Whether any child is on its way to its exec, or was a moment ago, and its program may not have had the processor.
    package var isStarting: Bool {
        !inFlight.isEmpty || lastStart.map { loop.now - $0 < Self.firstTurn } == true
    }

    /// Gives a slot back that was not used.
    package func giveBack(_ slot: SpawnSlot) {
        vacate(slot)
        serveWaiting()
    }

    private func take(for command: PreparedCommand) -> SpawnSlot? {
        guard mayTakeOne(command), let slot = vacant.popLast() else { return nil }
        slot.command = command
        taken.append(slot)
        return slot
    }

    // A service whose programs do not get to their exec is not to take the others' slots too.
    private func mayTakeOne(_ command: PreparedCommand) -> Bool {
        let isHanging = inFlight.contains { $0.command === command && $0.age >= Self.patienceNanoseconds }
        return !isHanging && number(of: command) < Self.slotCount - 1
    }

    private func number(of command: PreparedCommand) -> Int { taken.count { $0.command === command } }

    private func serveWaiting() {
        while !vacant.isEmpty {
            let candidates = waiting.indices.filter { mayTakeOne(waiting[$0].command) }
            let next = candidates.min { number(of: waiting[$0].command) < number(of: waiting[$1].command) }
            guard let next, let slot = take(for: waiting[next].command) else { return }
            waiting.remove(at: next).continuation.resume(returning: slot)
        }
    }

    private func vacate(_ slot: SpawnSlot) {
        slot.command = nil
        taken.removeAll { $0 === slot }
        vacant.append(slot)
    }

    // MARK: Children in flight

    /// Makes the child that is to execute the command of `slot`.
    ///
    /// Only on the loop; see ``HandlerProcess/spawn(in:environment:socket:standardError:place:by:)``.
    func begin(
        _ slot: SpawnSlot, environment: HandlerEnvironment, socket: CInt, standardError: StandardErrorSink,
        place: HandlerPlace?, begun: (HandlerProcess) -> Void
    ) throws(SpawnFailure) -> HandlerProcess {
        loop.preconditionOnLoop()
        do {
            try requireRoomToWatch()
            let (pid, pidfd) = try slot.begin(
                environment: environment, socket: socket, standardError: standardError, entrance: place?.entrance,
                by: clone)
            let process = HandlerProcess(
                pid: pid, pidfd: pidfd, loop: loop, groups: groups, ownGroup: place?.own, beginWatching: watch)
            slot.hold(process)
            inFlight.append(slot)
            lastStart = loop.now
            // Before the program can speak: whoever follows a daemon that is killed must know of it.
            begun(process)
            slot.letExecute()
            poll()
            return process
        } catch {
            giveBack(slot)
            place?.own?.close(on: loop)
            throw error
        }
    }

    // A program that has begun is not to be ended for this: the one before it tells that the next is not to begin.
    private func requireRoomToWatch() throws(SpawnFailure) {
        unwatched.removeAll { $0.watchFailure == nil }
        guard let error = unwatched.first?.watchFailure else { return }
        throw SpawnFailure(step: .watch, errno: error, subject: "")
    }

    private func poll() {
        // The processor is the child's then, and the first byte comes sooner.
        if inFlight.count == 1, loop.isQuiet { wait(for: inFlight[0]) }
        guard !isPolling, !inFlight.isEmpty else { return }
        isPolling = true
        loop.pollEachTurn { [weak self] in self?.look(isIdle: $0) ?? false }
    }

    /// - Returns: whether any is still in flight.
    private func look(isIdle: Bool) -> Bool {
        settle()
        if isIdle, let next = inFlight.first(where: { $0.age < Self.patienceNanoseconds }) ?? inFlight.first {
            wait(for: next)
        }
        isPolling = !inFlight.isEmpty
        return isPolling
    }

    private func wait(for slot: SpawnSlot) {
        slot.wait(min(Self.idleNanoseconds, deadline))
        settle()
    }

    private func settle() {
        var isAnyDone = false
        for slot in inFlight {
            if isOver(slot) {
                isAnyDone = true
            } else if !slot.isTimedOut, slot.age >= deadline {
                slot.kill()
            }
        }
        guard isAnyDone else { return }
        let done = inFlight.filter(isOver)
        inFlight.removeAll { slot in done.contains { $0 === slot } }
        for slot in done {
            if let process = Self.finish(slot), process.watchFailure != nil { unwatched.append(process) }
            vacate(slot)
            if slot.isInFlight { replace(slot) }
        }
        abandoned.removeAll { !$0.isInFlight }
        serveWaiting()
    }

    private func isOver(_ slot: SpawnSlot) -> Bool {
        !slot.isInFlight || slot.isTimedOut && slot.timeSinceKill >= Self.killNanoseconds
    }

    private func replace(_ slot: SpawnSlot) {
        vacant.removeAll { $0 === slot }
        abandoned.append(slot)
        // With nothing left to make one of, the others have to do.
        if let another = try? SpawnSlot() { vacant.append(another) }
    }

    @discardableResult
    private static func finish(_ slot: SpawnSlot) -> HandlerProcess? {
        let (process, failure) = slot.finish()
        process?.settle(failure, isGone: !slot.isInFlight)
        return process
    }
}

extension SystemCall where Input == UnsafeMutablePointer<clinux_spawn>, Output == pid_t {
    /// The real spawn.
    package static var spawn: Self {
        SystemCall { record in
            let pid = clinux_spawn(record)
            return pid < 0 ? .failure(Errno(rawValue: errno)) : .success(pid)
        }
    }
}
