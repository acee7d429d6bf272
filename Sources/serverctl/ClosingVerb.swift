// SPDX-License-Identifier: Apache-2.0
// What the verbs that close something have in common: progress on a terminal, and what came of it at the end.

internal import ManagerInterface
internal import Policy
internal import Varlink

/// A reply that tells how far a closing has come.
protocol ClosingReply: VarlinkObject {
    /// How far it has come.
    var progress: ClosingProgress { get }
}

extension ProgressReply: ClosingReply {}
extension Manager.CloseConnection.Result: ClosingReply {}

/// What is being closed, in the words of a message, of the progress, and of its end.
struct ClosingWords {
    /// `close service "git"`.
    let action: String
    /// `Closing service "git"`.
    let title: String
    /// `Closed service "git"`.
    let done: String
}

extension DaemonVerb {
    /// Calls a method that closes something, shows its progress on a terminal, and at the end what came of it.
    ///
    /// Interrupting it changes nothing of what was begun.
    func close<Method: VarlinkMethod>(
        by method: Method.Type, _ parameters: Method.Parameters, _ words: ClosingWords, _ options: OutputOptions,
        _ context: Context, summary: (Method.Result) -> String
    ) throws(Failure) -> Outcome where Method.Result: ClosingReply {
        var client = try client(context)
        var last: Method.Result?
        var display = ProgressDisplay()
        let isShown = context.mayDraw && !options.quiet && options.json == .off
        try client.stream(method, parameters, to: words.action) { reply throws(Failure) in
            last = reply
            guard isShown else { return true }
            let frame = ProgressFrame(
                title: words.title, progress: reply.progress, now: context.now(), width: context.width())
            context.print(display.draw(frame.lines))
            return true
        }
        guard let last, last.progress.step == .finished else {
            throw Failure(
                status: .failed,
                message: "asked to \(words.action), serverd stopped telling its progress; "
                    + "\"serverctl connections\" lists what is open")
        }
        if isShown { context.print(display.draw([])) }
        options.print(last, context) { summary(last) + "\n" }
        return .done
    }
}

/// What happened to how many connections.
enum ClosingSummary {
    /// The closing line: what was closed, and what happened to how many.
    static func line(_ done: String, _ progress: ClosingProgress) -> String {
        "\(done): \(counts(progress))." + lingering(progress)
    }

    /// `17 connections: 12 ended by themselves, 4 ended when asked to, 1 was killed`.
    static func counts(_ progress: ClosingProgress) -> String {
        let total = sum([progress.ended, progress.stopped, progress.killed, progress.kept, progress.open])
        guard total > 0 else { return "no connections" }
        let parts = [
            (progress.ended, progress.ended == 1 ? "ended by itself" : "ended by themselves"),
            (progress.stopped, "ended when asked to"),
            (progress.killed, progress.killed == 1 ? "was killed" : "were killed"),
            (progress.kept, progress.kept == 1 ? "goes on" : "go on"),
            (progress.open, progress.open == 1 ? "is open" : "are open"),
        ].filter { $0.0 > 0 }
        return "\(CountText.of(total, "connection")): " + parts.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    }

    /// The sum of counts that a daemon has told: none is less than nothing, and no sum is too large.
    static func sum(_ counts: [Int]) -> Int { counts.reduce(0) { $0.saturatingAdd(max(0, $1)) } }

    /// What was left behind, as a sentence.
    static func lingering(_ progress: ClosingProgress) -> String {
        guard progress.lingering > 0 else { return "" }
        return " \(progress.lingering) left processes behind that live on: see \"serverctl connections --state "
            + "lingering\"."
    }
}
