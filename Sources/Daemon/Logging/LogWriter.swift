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
    /// Writes lines.
    let lines: WriterThread<LogSink>
    /// Sends what is told to the service manager; nil where there is none.
    let notifications: WriterThread<NotifySink>?

    /// How much of the log may be unwritten: a second or two of a very busy daemon.
    package static let limits = WriterThread<LogSink>.Limits(records: 8192, bytes: 4 << 20)

    /// Room for what thousands of services have the service manager keep.
    private static let notificationLimits = WriterThread<NotifySink>.Limits(records: 16_384, bytes: .max)

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
            name: "notify-writer", limits: Self.notificationLimits, linger: .zero, sink: notify)
    }

    /// Writes a line, or drops it when there is no room.
    package func log(_ line: LogLine) { lines.submit(line, bytes: line.cost) }

    /// Tells the service manager; does nothing without one.
    package func notify(_ message: NotifyMessage) { notifications?.submit(Notification(message), bytes: 0) }

    /// Tells the service manager, with a descriptor; whether there is one, and it will be told.
    func notify(_ message: NotifyMessage, with descriptor: consuming Descriptor) -> Bool {
        let notification = Notification(message, descriptor)
        return notifications?.submit(notification, bytes: 0) ?? false
    }

    /// Waits until all that came before is written, at most for `timeout`; returns whether it is.
    @discardableResult
    func flush(within timeout: Duration = .seconds(1)) -> Bool {
        let deadline = Deadline.after(timeout)
        let areSent = notifications?.flush(until: deadline) ?? true
        let areWritten = lines.flush(until: deadline)
        return areSent && areWritten
    }

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

/// A message for the service manager, and the descriptor that goes with it.
final class Notification: Sendable {
    /// What is told.
    let message: NotifyMessage
    private let descriptor: Descriptor?

    /// A message alone.
    init(_ message: NotifyMessage) {
        self.message = message
        descriptor = nil
    }

    /// A message with a descriptor, which is closed when it was sent.
    init(_ message: NotifyMessage, _ descriptor: consuming Descriptor) {
        self.message = message
        self.descriptor = Descriptor(adopting: descriptor.release())
    }

    /// Sends it, which may block.
    func send(by notifier: Notifier) throws(Errno) {
        let number = descriptor?.use { $0 }
        try notifier.send(message, descriptors: number.map { [$0] } ?? [])
    }
}

/// The sink for notifications.
struct NotifySink: RecordSink {
    private let notifier: Notifier
    private let report: @Sendable (Errno) -> Void
    private var hasFailed = false

    /// Sends by `notifier`; what fails is told to `report`.
    init(notifier: Notifier, report: @escaping @Sendable (Errno) -> Void) {
        self.notifier = notifier
        self.report = report
    }

    mutating func take(_ notification: Notification) {
        do throws(Errno) {
            try notification.send(by: notifier)
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
