// SPDX-License-Identifier: Apache-2.0
// What a service's handlers write to standard error, on its way to the log, not faster than the log can take.

internal import EventLoops
internal import Logging
internal import Policy
internal import Supervision

/// Writes the lines of a service's handlers to the log.
// Safe: the state is touched only on the loop's thread.
final class HandlerOutput: @unchecked Sendable {
    private let logger: Logger
    private let loop: EventLoop
    private var throttle = OutputThrottle<LoopInstant>()
    private var reminder: LoopTimer?
    private var loss = RepeatedCondition<LoopInstant>()
    private var lostBytes = 0
    private var replacement = RepeatedCondition<LoopInstant>()

    /// Nothing is written yet; lines go to `logger`.
    init(_ logger: Logger, on loop: EventLoop) {
        self.logger = logger
        self.loop = loop
    }

    /// Logs one line, unless there were too many; then it is counted.
    func write(_ line: StandardErrorLine) {
        switch throttle.admit(at: LoopInstant(loop.now)) {
        case .write:
            log(line)
        case .writeAfterSuppressed(let count):
            logSuppressed(count)
            log(line)
        case .suppress:
            scheduleReminder()
        }
    }

    /// What a channel is to do with the lines of processes, each of which serves the connection that `lookUp` knows.
    func receiver(lookUp: @escaping (Int32) -> UInt64?) -> StandardErrorReceiver {
        var receiver = StandardErrorReceiver(lookUp: lookUp, deliver: { self.write($0) })
        receiver.wantsLines = { !self.throttle.isClosed(at: LoopInstant(self.loop.now)) }
        receiver.count = { self.leaveOut($0) }
        receiver.lose = { self.lose($0) }
        receiver.replaced = { self.replaced($0) }
        return receiver
    }

    private func leaveOut(_ lines: Int) {
        guard lines > 0 else { return }
        throttle.countSuppressed(lines)
        scheduleReminder()
    }

    private func lose(_ bytes: Int) {
        lostBytes += bytes
        guard let times = loss.occurred(at: LoopInstant(loop.now)) else { return }
        logger.warning(
            "a handler wrote more than 64 KiB at once to standard error; the rest is lost",
            metadata: ["bytes": .stringConvertible(lostBytes), "times": .stringConvertible(times)])
        lostBytes = 0
    }

    private func replaced(_ damage: StandardErrorReceiver.Damage) {
        guard let times = replacement.occurred(at: LoopInstant(loop.now)) else { return }
        logger.warning(
            "a handler damaged the service's standard error; handlers that are started now get another",
            metadata: ["damage": .string(damage.rawValue), "times": .stringConvertible(times)])
    }

    /// No line will come any more: those that were left out are counted now.
    func finish() {
        reminder?.cancel()
        reminder = nil
        if let due = throttle.suppressedDue, let count = throttle.takeSuppressed(at: due) { logSuppressed(count) }
    }

    private func log(_ line: StandardErrorLine) {
        var metadata: Logger.Metadata = [
            "pid": .stringConvertible(line.pid), "stderr": .string(SafeText.escape(line.bytes)),
        ]
        if let connection = line.connection { metadata["connection"] = .stringConvertible(connection) }
        logger.notice("handler wrote", metadata: metadata)
    }

    private func logSuppressed(_ count: Int) {
        logger.warning(
            "lines of handlers were left out: they wrote too many", metadata: ["lines": .stringConvertible(count)])
    }

    // For the service that falls silent after a flood.
    private func scheduleReminder() {
        guard reminder == nil, let due = throttle.suppressedDue else { return }
        reminder = loop.schedule(after: due.time - loop.now) { [self] in
            reminder = nil
            if let count = throttle.takeSuppressed(at: LoopInstant(loop.now)) { logSuppressed(count) }
        }
    }
}
