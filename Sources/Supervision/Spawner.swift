// SPDX-License-Identifier: Apache-2.0
// One event loop's means to start programs: children on their way to their exec while the loop goes on.

package import CLinux
package import Descriptors
package import EventLoops
internal import Glibc
package import SystemPackage

/// What one event loop needs to start programs. The one path from here to an exec; make it early, while descriptor
/// numbers are low, and after the dispositions of the signals are set.
///
/// A child on its way does not hold the loop up: it is looked at once a turn, and waited for only when there is nothing
/// else to do, or no slot for the next one. One that hangs, because a process of the handler's user stops it or a file
/// system does not answer, keeps its slot until the deadline, and is killed then; meanwhile nothing else is started for
/// its service, which never has all the slots. What cannot be ended is a child that waits in the kernel where no signal
/// reaches it.
///
/// | a slot | its child | leaves it |
/// | --- | --- | --- |
/// | vacant | there is none | ``begin(_:environment:socket:standardError:)`` |
/// | in flight | on its way to its exec | it has executed the program, failed in a step, or was killed |
// Safe: used only on the loop's thread.
package final class Spawner: @unchecked Sendable {
    /// How many children may be on their way at a time.
    package static let slotCount = 4
    /// How long the loop waits for a child at a time when it has nothing else to do.
    package static let idleWait: Duration = .milliseconds(5)
    /// How long a child may take before the loop goes on without it, though there is no slot for the next one.
    package static let patience: Duration = .milliseconds(100)

    let loop: EventLoop
    private let clone: SystemCall<UnsafeMutablePointer<clinux_spawn>, pid_t>
    private let deadline: UInt64
    private var vacant: [SpawnSlot] = []
    /// The oldest first.
    private var inFlight: [SpawnSlot] = []

    private var isPolling = false

    private static let idleNanoseconds = UInt64(idleWait / .nanoseconds(1))
    private static let patienceNanoseconds = UInt64(patience / .nanoseconds(1))

    /// Reserves what each slot needs: two descriptors and a stack.
    /// - Parameters:
    ///   - deadline: how long a child may take to its exec before it is killed.
    ///   - clone: the spawn itself, for tests.
    /// - Throws: the error of what there was not enough of: descriptors, memory.
    package init(
        on loop: EventLoop, deadline: Duration = .seconds(1),
        clone: SystemCall<UnsafeMutablePointer<clinux_spawn>, pid_t> = .spawn
    ) throws(Errno) {
        self.loop = loop
        self.clone = clone
        self.deadline = UInt64(deadline / .nanoseconds(1))
        for _ in 0..<Self.slotCount { vacant.append(try SpawnSlot()) }
    }

    deinit {
        for slot in inFlight {
            slot.process?.signal(SIGKILL)
            while slot.isInFlight { slot.wait(deadline) }
            Self.finish(slot)
        }
    }

    /// Makes the child that is to execute `command`.
    ///
    /// Only on the loop; see ``HandlerProcess/spawn(_:environment:socket:standardError:by:)``.
    func begin(
        _ command: PreparedCommand, environment: HandlerEnvironment, socket: CInt, standardError: StandardErrorSink
    ) throws(SpawnFailure) -> HandlerProcess {
        loop.preconditionOnLoop()
        let slot = try takeSlot(for: command)
        do {
            let (pid, pidfd) = try slot.begin(
                command, environment: environment, socket: socket, standardError: standardError, by: clone)
            let process = HandlerProcess(pid: pid, pidfd: pidfd, loop: loop)
            slot.hold(process)
            inFlight.append(slot)
            // The processor is the child's then, and the first byte comes sooner.
            if inFlight.count == 1, loop.isQuiet {
                slot.wait(min(Self.idleNanoseconds, deadline))
                settle()
                if inFlight.isEmpty { return process }
            }
            if !isPolling { loop.pollEachTurn { [weak self] in self?.look(isIdle: $0) ?? false } }
            isPolling = true
            return process
        } catch {
            vacant.append(slot)
            throw error
        }
    }

    // MARK: Children in flight

    private func takeSlot(for command: PreparedCommand) throws(SpawnFailure) -> SpawnSlot {
        while true {
            settle()
            let own = inFlight.filter { $0.command === command }
            let mayTakeOne = own.count < Self.slotCount - 1 && !own.contains(where: isHanging)
            if mayTakeOne, let slot = vacant.popLast() { return slot }
            guard let next = (mayTakeOne ? inFlight : own).first, !isHanging(next) else {
                throw SpawnFailure(step: .turn, errno: .resourceTemporarilyUnavailable, subject: "")
            }
            next.wait(Self.patienceNanoseconds - min(next.age, Self.patienceNanoseconds))
        }
    }

    private func isHanging(_ slot: SpawnSlot) -> Bool { slot.age >= Self.patienceNanoseconds }

    /// - Returns: whether any is still in flight.
    private func look(isIdle: Bool) -> Bool {
        settle()
        if isIdle, let next = inFlight.first(where: { !isHanging($0) }) ?? inFlight.first {
            next.wait(min(Self.idleNanoseconds, deadline))
            settle()
        }
        isPolling = !inFlight.isEmpty
        return isPolling
    }

    private func settle() {
        var isAnyDone = false
        for slot in inFlight {
            if !slot.isInFlight {
                isAnyDone = true
            } else if !slot.isTimedOut, slot.age >= deadline {
                slot.isTimedOut = true
                slot.process?.signal(SIGKILL)
            }
        }
        guard isAnyDone else { return }
        let done = inFlight.filter { !$0.isInFlight }
        inFlight.removeAll { slot in done.contains { $0 === slot } }
        for slot in done {
            Self.finish(slot)
            vacant.append(slot)
        }
    }

    private static func finish(_ slot: SpawnSlot) {
        let (process, failure) = slot.finish()
        process?.settle(failure)
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
