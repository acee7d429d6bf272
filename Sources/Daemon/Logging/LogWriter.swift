// SPDX-License-Identifier: Apache-2.0
// The log and notify writer: everything that may block on the journal, on standard error or on the service manager.

package import Descriptors
internal import Logging
package import SystemPackage
package import Systemd

/// Takes log lines and notifications from any thread, and writes them on threads of its own.
///
/// It is guaranteed that no call but ``finish(within:)`` ever waits. Log and notifications have a thread each: a journal
/// that is stopped must not hold back the watchdog's signs of life, or the service manager would kill a healthy daemon.
package final class LogWriter: Sendable {
    let lines: WriterThread<LogSink>
    let notifications: WriterThread<NotifySink>?

    /// How much of the log may be unwritten: a second or two of a very busy daemon.
    package static let limits = WriterThread<LogSink>.Limits(records: 8192, bytes: 4 << 20)

    /// Starts the writer.
    ///
    /// Without a service manager there is no thread for notifications.
    ///
    /// - Parameters:
    ///   - destination: where the log goes.
    ///   - stream: where its lines go, and what the journal does not take.
    ///   - linger: how long lines gather after a write.
    /// - Throws: the errno of pthread_create(3).
    package init(
        _ destination: LogDestination, stream: consuming Descriptor, notifier: Notifier,
        limits: WriterThread<LogSink>.Limits = LogWriter.limits, linger: Duration = .milliseconds(5)
    ) throws(Errno) {
        let sink = LogSink(destination, stream)
        let lines = try WriterThread(name: "log-writer", limits: limits, linger: linger, sink: sink)
        self.lines = lines
        guard notifier.isConnected else {
            notifications = nil
            return
        }
        let notify = NotifySink(notifier: notifier) { error in
            let line = LogLine(
                .warning, "cannot tell the service manager how we are doing",
                metadata: ["error": .string(error.textWithName)])
            lines.submit(line, bytes: line.cost)
        }
        notifications = try WriterThread(
            name: "notify-writer", limits: .init(records: 64, bytes: .max), linger: .zero, sink: notify)
    }

    /// Writes a line, or drops it when there is no room.
    package func log(_ line: LogLine) { lines.submit(line, bytes: line.cost) }

    /// Tells the service manager; does nothing without one.
    package func notify(_ message: NotifyMessage) { notifications?.submit(message, bytes: 0) }

    /// Waits until all that came before is written, at most for `timeout`; returns whether it is.
    ///
    /// Nothing is taken any more. The default is long enough for a reader that is only slow.
    @discardableResult
    package func finish(within timeout: Duration = .seconds(1)) -> Bool {
        let deadline = Deadline.after(timeout)
        let areSent = notifications?.finish(until: deadline) ?? true
        let areWritten = lines.finish(until: deadline)
        return areSent && areWritten
    }
}

/// The sink for notifications.
struct NotifySink: RecordSink {
    private let notifier: Notifier
    private let report: @Sendable (Errno) -> Void
    private var hasFailed = false

    init(notifier: Notifier, report: @escaping @Sendable (Errno) -> Void) {
        self.notifier = notifier
        self.report = report
    }

    mutating func take(_ message: NotifyMessage) {
        do throws(Errno) {
            try notifier.send(message)
            hasFailed = false
        } catch {
            // Once, until it works again.
            if !hasFailed { report(error) }
            hasFailed = true
        }
    }

    mutating func takeDropped(_ count: Int) {}

    mutating func flush() -> Int { 0 }
}
