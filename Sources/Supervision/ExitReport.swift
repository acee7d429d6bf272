// SPDX-License-Identifier: Apache-2.0
// How a handler ended and what it used, as a value.

internal import CLinux
internal import Glibc

/// The end of a handler process.
package struct ExitReport: Equatable, Sendable {
    /// How a process came to its end.
    package enum Ending: Equatable, Sendable {
        /// It exited with a code.
        case exited(code: Int32)
        /// A signal ended it.
        case killed(signal: Int32, dumpedCore: Bool)
        /// It is gone and nobody can say how: it was not, or is not any more, our child.
        case unknown
    }
    /// How it ended.
    package let ending: Ending
    /// From its spawn to its end, on the loop's clock.
    package let duration: Duration
    /// The processor time it and those of its children that it waited for spent in programs.
    package let userTime: Duration
    /// The processor time it and those of its children that it waited for spent in the kernel.
    package let systemTime: Duration
    /// The most memory it had resident, in bytes.
    ///
    /// The kernel counts the moment before its exec too, in which it shared the daemon's memory: it is never less than
    /// the daemon's own.
    package let peakMemory: Int64
    /// Whether processes of its group lived on when it was gone.
    ///
    /// Those that made a group of their own are not seen.
    package let isLingering: Bool

    /// A report of these parts.
    package init(
        ending: Ending, duration: Duration, userTime: Duration = .zero, systemTime: Duration = .zero,
        peakMemory: Int64 = 0, isLingering: Bool = false
    ) {
        self.ending = ending
        self.duration = duration
        self.userTime = userTime
        self.systemTime = systemTime
        self.peakMemory = peakMemory
        self.isLingering = isLingering
    }

    /// The same of a process whose group is gone by now.
    var withoutLingering: ExitReport {
        ExitReport(
            ending: ending, duration: duration, userTime: userTime, systemTime: systemTime, peakMemory: peakMemory)
    }

    init(_ ended: clinux_exit, duration: Duration, isLingering: Bool) {
        self.init(
            ending: Ending(ended), duration: duration, userTime: .microseconds(ended.user_microseconds),
            systemTime: .microseconds(ended.system_microseconds), peakMemory: ended.peak_kibibytes * 1024,
            isLingering: isLingering)
    }
}

extension ExitReport.Ending {
    fileprivate init(_ ended: clinux_exit) {
        switch ended.code {
        case CInt(CLD_EXITED): self = .exited(code: ended.status)
        case CInt(CLD_KILLED): self = .killed(signal: ended.status, dumpedCore: false)
        case CInt(CLD_DUMPED): self = .killed(signal: ended.status, dumpedCore: true)
        default: self = .unknown
        }
    }
}
