// SPDX-License-Identifier: Apache-2.0
// What serverctl takes from and gives to the process it runs in, as values that a test can replace.

internal import Descriptors
internal import Glibc
internal import Policy
internal import SystemPackage

/// The surroundings of a verb.
struct Context {
    /// Writes to the standard output.
    var print: (String) -> Void
    /// Writes to the standard error.
    var printError: (String) -> Void
    /// An environment variable that is set and not empty.
    var environment: (String) -> String?
    /// Whether the output is a terminal.
    var isTerminal: Bool
    /// The time, in microseconds since the epoch.
    var now: () -> Int64
    /// How many columns the terminal has.
    var width: () -> Int = { 80 }
    /// The time, in microseconds of a clock that nobody sets.
    var uptime: () -> Int64 = { monotonicMicroseconds() }
    /// The descriptor of the standard input, for `connect` and `top`.
    var input = STDIN_FILENO
    /// The descriptor of the standard output, for `connect`.
    var output = STDOUT_FILENO

    /// Whether lines may be drawn over others: on a terminal that can.
    var mayDraw: Bool { isTerminal && environment("TERM") != "dumb" }

    /// Whether colour may be added: on a terminal that can, unless `NO_COLOR` is set (no-color.org).
    var mayColour: Bool { mayDraw && environment("NO_COLOR") == nil }

    /// Whether text is shown as UTF-8, as the locale says.
    var isUTF8: Bool {
        let locale = environment("LC_ALL") ?? environment("LC_CTYPE") ?? environment("LANG") ?? ""
        return ["utf-8", "utf8"].contains { locale.lowercased().hasSuffix($0) }
    }

    /// The surroundings of this process.
    static var process: Context {
        Context(
            print: { write($0, to: STDOUT_FILENO) },
            printError: { write($0, to: STDERR_FILENO) },
            environment: { name in
                guard let value = getenv(name), value.pointee != 0 else { return nil }
                return String(cString: value)
            },
            isTerminal: isatty(STDOUT_FILENO) == 1,
            now: { WallClock.microseconds },
            width: { TerminalSize.of(STDOUT_FILENO).columns })
    }

    private static func write(_ text: String, to descriptor: CInt) {
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)[...]
            while !rest.isEmpty {
                let written = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if written < 0, errno == EINTR { continue }
                guard written > 0 else { return lost(descriptor, Errno(rawValue: errno)) }
                rest = rest.dropFirst(written)
            }
        }
    }
}

/// Ends the program because its output, which is what it was asked for, could not be written.
///
/// A reader that has gone, or a terminal (EIO), wants no more; of errors there is nowhere to tell.
private func lost(_ descriptor: CInt, _ error: Errno) {
    guard descriptor == STDOUT_FILENO, error != .brokenPipe, error != .ioError else { return }
    let text = "serverctl: cannot write what it has to print: \(error.textWithName)\n"
    _ = text.withCString { Glibc.write(STDERR_FILENO, $0, strlen($0)) }
    exit(Outcome.failed.rawValue)
}

/// The time of the system's monotonic clock.
private func monotonicMicroseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
}
