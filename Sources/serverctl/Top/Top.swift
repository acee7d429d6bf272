// SPDX-License-Identifier: Apache-2.0
// The verb `serverctl top`.

internal import ArgumentParser
internal import Descriptors
internal import Glibc
internal import SystemPackage

/// Shows services and connections on the whole terminal, live.
struct Top: DaemonVerb {
    /// The shortest interval, in microseconds, and the longest: an hour.
    private static let intervals: ClosedRange<Int64> = 100_000...3_600_000_000

    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "Shows services and connections on the whole terminal, live.",
        discussion: """
            Services with the connections that each accepts per second, the newest at the right end; connections by \
            age, processor or bytes. CPU is what a handler has used of one processor since the last look, TIME the \
            processor time that it has used in all.

            Keys: a, c, b sort by age, CPU, bytes; / filters by service or peer (Enter keeps the filter, Esc shows \
            all); arrows, j, k, Page Up, Page Down, g, G choose a connection; x closes it, after a question; Ctrl-L \
            draws anew; q and Ctrl-C end it.

            Exit status: 0 ended by a key; 1 failed; 2 wrong usage, or no terminal; 4 not permitted, or no daemon.
            """)

    @OptionGroup var daemon: DaemonOptions

    @Option(help: ArgumentHelp("How long between two looks (default: 2s).", valueName: "duration"))
    var interval: DurationArgument?

    @ParentCommand var parent: Serverctl

    /// Refuses an interval that makes no sense.
    func validate() throws {
        guard let interval, !Self.intervals.contains(interval.microseconds) else { return }
        throw ValidationError("--interval must be between 100ms and 1h.")
    }

    /// Shows what there is until a key ends it.
    func perform(_ context: Context) throws(Failure) -> Outcome {
        guard context.mayDraw, isatty(context.input) == 1 else {
            throw Failure(
                status: .usage,
                message: "top needs a terminal that can be drawn on, as its input and its output; \"serverctl status\" "
                    + "and \"serverctl connections\" do not")
        }
        let feed = try TopFeed(
            path: path(context), interval: interval?.microseconds ?? 2_000_000, uptime: context.uptime)
        switch try show(feed, context) {
        case .quit: break
        case .signal(let number):
            // Whoever sent it is to see that it did what it does. What the language's runtime would do is for crashes.
            signal(number, SIG_DFL)
            raise(number)
        }
        return .done
    }

    /// Has a session on the terminal, which is as it was before when this returns or throws.
    private func show(_ feed: consuming TopFeed, _ context: Context) throws(Failure) -> TopEnd {
        // Before the terminal is changed: no signal may end us while it is not as it was.
        let signals = try Self.settingUp { () throws(Errno) in try TerminalSignals.take() }
        do throws(Failure) {
            let end = try show(feed, signals, context)
            signals.restore()
            return end
        } catch {
            signals.restore()
            throw error
        }
    }

    private func show(
        _ feed: consuming TopFeed, _ signals: borrowing TerminalSignals, _ context: Context
    ) throws(Failure) -> TopEnd {
        let screen = try Self.settingUp { () throws(Errno) in
            try FullScreen(input: context.input, print: context.print)
        }
        defer { screen.leave() }
        var session = TopSession(screen, feed, context)
        return try session.run(signals)
    }

    private static func settingUp<Value: ~Copyable>(_ body: () throws(Errno) -> Value) throws(Failure) -> Value {
        do throws(Errno) {
            return try body()
        } catch {
            throw Failure(status: .failed, message: "cannot set up the terminal: \(error.textWithName)")
        }
    }
}
