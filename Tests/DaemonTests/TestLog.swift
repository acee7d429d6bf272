// SPDX-License-Identifier: Apache-2.0
// A log whose lines a test reads.

import Descriptors
import Glibc
import Logging
import Systemd
import TestSupport

@testable import Daemon

extension LogWriter {
    /// Waits until all that came before is written, at most for `timeout`; returns whether it is.
    func flush(within timeout: Duration) -> Bool {
        let deadline = Deadline.after(timeout)
        let areSent = notifications?.flush(until: deadline) ?? true
        return lines.flush(until: deadline) && areSent
    }
}

/// A log in a file without a name, written as for systemd: `<4>message key=value`.
final class TestLog: Sendable {
    private let file: OwnedDescriptor
    private let writer: LogWriter

    init() throws {
        var path = Array("/tmp/serverd-test-log-XXXXXX".utf8CString)
        let number = mkstemp(&path)
        precondition(number >= 0, "mkostemp: \(errno)")
        unlink(path)
        _ = fcntl(number, F_SETFD, FD_CLOEXEC)
        file = OwnedDescriptor(Descriptor(adopting: number))
        writer = try LogWriter(
            .lines(.prefixed), stream: Descriptor.duplicating(number), notifier: Notifier(), linger: .zero)
    }

    deinit {
        writer.finish()
        file.close()
    }

    /// A logger that writes to it.
    var logger: Logger { Logger(label: "test") { [writer] _ in SerialLogHandler(writer) } }

    /// All lines so far.
    var lines: [String] {
        precondition(writer.flush(within: .seconds(10)), "the log is stuck")
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        let count = pread(file.number, &buffer, buffer.count, 0)
        return LogPipe.lines(Array(buffer.prefix(max(count, 0))))
    }

    /// The lines that begin with this.
    func lines(_ beginning: String) -> [String] { lines.filter { $0.hasPrefix(beginning) } }
}
