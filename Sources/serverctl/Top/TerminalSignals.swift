// SPDX-License-Identifier: Apache-2.0
// The signals that concern a full screen: told by a descriptor that can be waited for, instead of being suffered.

internal import Descriptors
internal import Glibc
internal import Synchronization
internal import SystemPackage

/// The signals that have come and were not yet taken, as bits.
private let arrived = Atomic<UInt64>(0)
/// Where a byte is written for each of them.
private let wakePipe = Atomic<CInt>(-1)

/// What becomes of signals while a program has the whole terminal; only one value can exist at a time.
struct TerminalSignals: ~Copyable {
    /// Those that end the program.
    private static let ending = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]
    /// Those that the screen must follow: its size, a stop and its end.
    private static let following = [SIGWINCH, SIGTSTP, SIGCONT]

    private let reader: Descriptor
    private let writer: Descriptor
    private let actionsBefore: [(CInt, sigaction)]

    /// Takes the signals over, until ``restore()``.
    static func take() throws(Errno) -> TerminalSignals {
        var numbers: [CInt] = [-1, -1]
        try Errno.check(pipe(&numbers))
        let reader = Descriptor(adopting: numbers[0])
        let writer = Descriptor(adopting: numbers[1])
        for number in numbers {
            // A pipe that is full has woken us already.
            try Errno.check(fcntl(number, F_SETFL, O_NONBLOCK))
            try Errno.check(fcntl(number, F_SETFD, FD_CLOEXEC))
        }
        return TerminalSignals(reader: reader, writer: writer)
    }

    private init(reader: consuming Descriptor, writer: consuming Descriptor) {
        arrived.store(0, ordering: .relaxed)
        wakePipe.store(writer.use(\.self), ordering: .relaxed)
        self.reader = reader
        self.writer = writer
        actionsBefore = (Self.ending + Self.following).map { signal in
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { number in
                let before = errno
                arrived.bitwiseOr(1 << UInt64(number), ordering: .relaxed)
                write(wakePipe.load(ordering: .relaxed), "", 1)
                errno = before
            }
            action.sa_flags = SA_RESTART
            var before = sigaction()
            sigaction(signal, &action, &before)
            return (signal, before)
        }
    }

    /// Gives the signals back.
    consuming func restore() {
        for (signal, before) in actionsBefore {
            var action = before
            sigaction(signal, &action, nil)
        }
        wakePipe.store(-1, ordering: .relaxed)
    }

    /// The number of the descriptor that can be read from when signals have come.
    var number: CInt { reader.use(\.self) }

    /// Has the descriptor tell only what comes from now on.
    ///
    /// This comes before signals are taken, so that none is missed.
    func drain() {
        var buffer = [UInt8](repeating: 0, count: 64)
        while reader.use({ read($0, &buffer, buffer.count) }) > 0 {}
    }

    /// Whether this signal has come since it was asked for last.
    func take(_ signal: CInt) -> Bool {
        let bit: UInt64 = 1 << UInt64(signal)
        return arrived.bitwiseAnd(~bit, ordering: .relaxed).oldValue & bit != 0
    }

    /// The signal by which the program is to end, if one has come.
    func takeEnding() -> CInt? { Self.ending.first { take($0) } }
}
