// SPDX-License-Identifier: Apache-2.0
// One event loop's means to start programs: the places where the child finds its descriptors, its stack, the guard.

package import CLinux
package import Descriptors
package import EventLoops
internal import Glibc
internal import Synchronization
package import SystemPackage

/// A descriptor for handlers to write their errors to: the writing end of a service's ``StandardErrorChannel``, or any
/// other.
///
/// It is lent; its owner keeps it open for as long as handlers are started with it.
package struct StandardErrorSink: Sendable {
    /// The descriptor.
    package let descriptor: CInt
    // Numbers of descriptors come back: this one does not, so that a place is never taken for what it held before.
    fileprivate let identity: UInt64

    private static let made = Atomic<UInt64>(0)

    /// Lends `descriptor`.
    package init(lending descriptor: CInt) {
        self.descriptor = descriptor
        identity = Self.made.add(1, ordering: .relaxed).newValue
    }
}

/// What one event loop needs to start programs. The one path from here to an exec; make it early, while descriptor
/// numbers are low, and after the dispositions of the signals are set.
///
/// The child shares the loop's descriptor table until it takes its own copy of the part below the two *places*, two low
/// descriptors that are always open. Between spawns they hold a standard error, so that no other thread is given their
/// numbers, and no connection is held open by them.
// Safe: used only on the loop's thread; the record is read by the guard as its functions say.
package final class Spawner: @unchecked Sendable {
    let loop: EventLoop
    private let clone: SystemCall<UnsafeMutablePointer<clinux_spawn>, pid_t>
    private let record: UnsafeMutablePointer<clinux_spawn>
    private let socketPlace: Descriptor
    private let errorPlace: Descriptor
    private let guardian: SpawnGuard
    private var block = EnvironmentBlock()
    private var placedSink: UInt64 = 0

    /// Reserves the two places and starts the guard's thread.
    /// - Parameters:
    ///   - deadline: how long the loop waits for one spawn before the guard kills the child.
    ///   - clone: the spawn itself, for tests.
    /// - Throws: the error of what there was not enough of: descriptors, memory, threads.
    package init(
        on loop: EventLoop, deadline: Duration = .seconds(1),
        clone: SystemCall<UnsafeMutablePointer<clinux_spawn>, pid_t> = .spawn
    ) throws(Errno) {
        let first = Descriptor(adopting: try SystemCall.check(Glibc.open("/dev/null", O_RDWR | O_CLOEXEC)))
        // Never 0, 1 or 2, though they may be free: the child could not move what is there.
        errorPlace = try first.duplicate(atLeast: 3)
        socketPlace = try first.duplicate(atLeast: 3)
        guard let stack = clinux_spawn_stack() else { throw Errno(rawValue: errno) }
        record = .allocate(capacity: 1)
        record.initialize(to: clinux_spawn())
        record.pointee.stack = stack
        record.pointee.pidfd = -1
        record.pointee.socket = socketPlace.use { $0 }
        record.pointee.standard_error = errorPlace.use { $0 }
        record.pointee.signals = clinux_signals_not_default()
        record.pointee.clears_ambient = clinux_has_ambient_capabilities()
        do {
            guardian = try SpawnGuard(watching: record, deadline: deadline)
        } catch {
            clinux_spawn_stack_free(stack)
            record.deallocate()
            throw error
        }
        self.loop = loop
        self.clone = clone
    }

    deinit {
        guardian.stop()
        clinux_spawn_stack_free(record.pointee.stack)
        record.deallocate()
    }

    /// Starts `command` and returns when it has been executed.
    ///
    /// Only on the loop; see ``HandlerProcess/spawn(_:environment:socket:standardError:by:)``.
    /// - Returns: the pid and the pidfd, which the caller owns.
    func start(
        _ command: PreparedCommand, environment: HandlerEnvironment, socket: CInt, standardError: StandardErrorSink
    ) throws(SpawnFailure) -> (pid: pid_t, pidfd: CInt) {
        loop.preconditionOnLoop()
        try place(socket, standardError)
        defer { vacate() }
        block.removeAll()
        environment.write(to: &block)
        record.pointee.command = command.record
        guardian.begin()
        let cloned = block.withPointers(after: command.environment) { pointers in
            record.pointee.environment = pointers
            return clone(record)
        }
        let isTimedOut = guardian.end()
        switch cloned {
        case .failure(let error):
            throw failure(.clone, error, command)
        case .success(let pid):
            let error = record.pointee.error
            guard error != 0 || isTimedOut else { return (pid, record.pointee.pidfd) }
            bury()
            let step = SpawnStep(rawValue: record.pointee.step) ?? .execve
            throw failure(step, Errno(rawValue: error), command, isTimedOut: isTimedOut)
        }
    }

    // The standard error stays where it is until another service's is needed.
    private func place(_ socket: CInt, _ standardError: StandardErrorSink) throws(SpawnFailure) {
        do {
            if placedSink != standardError.identity {
                _ = try errorPlace.use { place throws(Errno) in
                    try SystemCall.check(clinux_place(standardError.descriptor, place))
                }
                placedSink = standardError.identity
            }
            _ = try socketPlace.use { place throws(Errno) in try SystemCall.check(clinux_place(socket, place)) }
        } catch {
            throw SpawnFailure(step: .place, errno: error, subject: "")
        }
    }

    // At once: a copy of the connection that lived on would keep its peer from seeing the end.
    private func vacate() {
        let result = clinux_place(record.pointee.standard_error, record.pointee.socket)
        precondition(result >= 0, "a place for the child's descriptors was closed behind its owner's back")
    }

    private func bury() {
        let pidfd = Descriptor(adopting: record.pointee.pidfd)
        var ended = clinux_exit()
        // It has left our memory and is on its way out. ECHILD if the daemon ignores SIGCHLD: then nothing is left.
        pidfd.use { _ = clinux_wait($0, 1, &ended) }
    }

    private func failure(
        _ step: SpawnStep, _ error: Errno, _ command: PreparedCommand, isTimedOut: Bool = false
    ) -> SpawnFailure {
        let subject: String
        switch step {
        case .execve: subject = command.command.path
        case .directory: subject = command.command.workingDirectory
        case .groups, .group, .user: subject = command.command.account?.name ?? ""
        default: subject = ""
        }
        return SpawnFailure(step: step, errno: error, subject: subject, isTimedOut: isTimedOut)
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
