// SPDX-License-Identifier: Apache-2.0
// What one child at a time needs on its way to its exec: a record, a stack, and the places of its descriptors.

internal import CLinux
internal import Descriptors
internal import Glibc
internal import SystemPackage

/// What one child at a time needs on its way to its exec.
///
/// The child shares the loop's descriptor table until it takes its own copy of the part below the two *places*, two low
/// descriptors that are always open. Between spawns they hold a standard error, so that no other thread is given their
/// numbers, and no connection is held open by them.
// Safe: used only on the loop's thread; the child reads what does not change before it is done.
package final class SpawnSlot: @unchecked Sendable {
    /// The process on its way; nil while there is none.
    private(set) var process: HandlerProcess?
    /// Whose slot it is; nil while it is vacant.
    var command: PreparedCommand?
    private var began: UInt64 = 0
    private var killed: UInt64?

    private let record: UnsafeMutablePointer<clinux_spawn>
    private let socketPlace: Descriptor
    private let errorPlace: Descriptor
    /// Given up for the pidfd when there is no descriptor left: then those who have been accepted can still be served,
    /// and each gives its own descriptor back.
    private var spare: Descriptor?
    private var block = EnvironmentBlock()
    private var placedSink: UInt64 = 0
    /// Kept open for the child.
    private var entrance: ControlGroupEntrance?

    /// Reserves the two places.
    /// - Throws: the error of what there was not enough of: descriptors, memory.
    init() throws(Errno) {
        let first = Descriptor(adopting: try SystemCall.check(Glibc.open("/dev/null", O_RDWR | O_CLOEXEC)))
        // Never 0, 1 or 2, though they may be free: the child could not move what is there.
        errorPlace = try first.duplicate(atLeast: 3)
        socketPlace = try first.duplicate(atLeast: 3)
        spare = consume first
        guard let stack = clinux_spawn_stack() else { throw Errno(rawValue: errno) }
        record = .allocate(capacity: 1)
        record.initialize(to: clinux_spawn())
        record.pointee.stack = stack
        record.pointee.parent = getpid()
        record.pointee.socket = socketPlace.use { $0 }
        record.pointee.standard_error = errorPlace.use { $0 }
        record.pointee.control_group = -1
        record.pointee.signals = clinux_signals_not_default()
        record.pointee.clears_ambient = clinux_has_ambient_capabilities()
    }

    deinit {
        precondition(process == nil, "a spawn's memory was given up while its child used it")
        clinux_spawn_stack_free(record.pointee.stack)
        record.deallocate()
    }

    /// Whether the child still needs the slot: it has neither executed the program nor failed.
    var isInFlight: Bool { clinux_spawn_in_flight(record) != 0 }

    /// How long ago the child was made, in nanoseconds.
    var age: UInt64 { Self.now - began }

    /// Whether it was killed because the deadline had passed.
    var isTimedOut: Bool { killed != nil }

    /// How long ago that was, in nanoseconds.
    var timeSinceKill: UInt64 { killed.map { Self.now - $0 } ?? 0 }

    /// Kills the child: the deadline has passed.
    func kill() {
        killed = Self.now
        process?.signal(SIGKILL)
    }

    /// Waits until it is so no more, `nanoseconds` at most.
    func wait(_ nanoseconds: UInt64) { clinux_spawn_wait(record, Int64(clamping: nanoseconds)) }

    /// Makes the child.
    /// - Returns: the pid and the pidfd, which the caller owns.
    /// - Throws: the step that failed; there is no child then.
    func begin(
        environment: HandlerEnvironment, socket: CInt, standardError: StandardErrorSink,
        entrance: ControlGroupEntrance?, by clone: SystemCall<UnsafeMutablePointer<clinux_spawn>, pid_t>
    ) throws(SpawnFailure) -> (pid: pid_t, pidfd: CInt) {
        guard let command, process == nil else { preconditionFailure("a slot was used that was not taken, or twice") }
        try place(socket, standardError)
        block.removeAll()
        environment.write(to: &block)
        record.pointee.command = command.record
        record.pointee.environment = block.pointers(after: command.environment)
        killed = nil
        began = Self.now
        if spare == nil { spare = Self.makeSpare() }
        enter(by: entrance)
        var cloned = clone(record)
        if case .failure(let error) = cloned, let entrance, entrance.fallBack(after: error) {
            enter(by: entrance)
            cloned = clone(record)
        }
        if case .failure(.tooManyOpenFiles) = cloned, let spare = spare.take() {
            spare.close()
            cloned = clone(record)
        }
        switch cloned {
        case .success(let pid):
            return (pid, record.pointee.pidfd)
        case .failure(let error):
            vacatePlace()
            leave(because: error)
            throw SpawnFailure(.clone, error, command)
        }
    }

    /// Has the child, which waits for that, execute the program.
    func letExecute() { clinux_spawn_let_execute(record) }

    /// Keeps the process until the child is done.
    func hold(_ process: HandlerProcess) { self.process = process }

    /// The child is done, or is waited for no longer.
    /// - Returns: the process, and why it was not executed if it was not.
    func finish() -> (process: HandlerProcess?, failure: SpawnFailure?) {
        vacatePlace()
        leave(because: Errno(rawValue: record.pointee.error))
        defer { process = nil }
        guard let command, record.pointee.error != 0 || isTimedOut else { return (process, nil) }
        let step = SpawnStep(rawValue: record.pointee.step) ?? .execve
        return (process, SpawnFailure(step, Errno(rawValue: record.pointee.error), command, isTimedOut: isTimedOut))
    }

    private func enter(by entrance: ControlGroupEntrance?) {
        self.entrance = entrance
        record.pointee.control_group = entrance?.number ?? -1
        record.pointee.joins_group = entrance?.isByWriting ?? false ? 1 : 0
    }

    private func leave(because error: Errno) {
        // A child that is not gone may still write to it.
        guard !isInFlight else { return }
        entrance?.failed(with: error)
        entrance = nil
    }

    // Nothing that anybody waits for the end of.
    private static func makeSpare() -> Descriptor? {
        let number = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC)
        return number < 0 ? nil : Descriptor(adopting: number)
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
    private func vacatePlace() {
        let result = clinux_place(record.pointee.standard_error, record.pointee.socket)
        precondition(result >= 0, "a place for the child's descriptors was closed behind its owner's back")
    }

    // A child's deadline is real also where the loop's clock is a test's.
    private static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

extension SpawnFailure {
    /// The failure of one step of the start of `command`.
    fileprivate init(_ step: SpawnStep, _ error: Errno, _ command: PreparedCommand, isTimedOut: Bool = false) {
        let subject: String
        switch step {
        case .execve: subject = command.command.path
        case .directory: subject = command.command.workingDirectory
        case .groups, .group, .user: subject = command.command.account?.name ?? ""
        default: subject = ""
        }
        self.init(step: step, errno: error, subject: subject, isTimedOut: isTimedOut)
    }
}
