// SPDX-License-Identifier: Apache-2.0
// Reads what handlers use and what their streams have carried, on a thread of its own: the kernel takes its time to tell.

internal import EventLoops
internal import Glibc
internal import Policy
internal import Sockets
internal import Supervision
internal import SystemPackage

/// A connection to look at: the process that serves it and the stream that it has, as far as there are any.
struct UsageQuestion: Sendable {
    /// The handler.
    let process: HandlerProcess?
    /// The TCP stream, whoever holds it.
    let stream: StreamIdentity?
}

/// What the kernel tells of a connection; what it does not tell is nil.
struct UsageAnswer: Sendable {
    /// What the handler uses.
    var process: ProcessUsage?
    /// The stream.
    var stream: TCPStream?
}

/// Asks the kernel about many connections.
///
/// That takes ten times as long as all else that is done for a listing, some 15 µs for each connection.
enum UsageReader {
    /// How much less the reading thread gets of a processor that others want too (nice(2)).
    private static let niceness: CInt = 10

    /// The answers to these questions, in their order.
    ///
    /// The loop turns meanwhile, unless there is no thread to be had. Only on the loop. The task's cancellation does not
    /// end the wait, which is short.
    nonisolated(nonsending) static func answers(
        to questions: [UsageQuestion], on loop: EventLoop
    ) async -> [UsageAnswer] {
        let asked = questions.map { (pid: $0.process.flatMap { $0.isAlive ? $0.pid : nil }, stream: $0.stream) }
        var answers: [UsageAnswer]
        do throws(Errno) {
            answers = try await PlainThread.run(name: "usage-reader", on: loop) {
                setpriority(CInt(PRIO_PROCESS.rawValue), 0, niceness)
                // A program that begins, and is given this processor, is not to wait for the rest of our time slice.
                return read(asked) { _ = sched_yield() }
            }
        } catch {
            // Better late than not at all.
            answers = read(asked) {}
        }
        // A process that has not been reaped until now had its number for itself while it was looked at.
        for (place, question) in questions.enumerated() where question.process?.isAlive != true {
            answers[place].process = nil
        }
        return answers
    }

    private static func read(
        _ asked: [(pid: Int32?, stream: StreamIdentity?)], giveWay: () -> Void
    ) -> [UsageAnswer] {
        var answers = asked.map { one in
            giveWay()
            return UsageAnswer(process: one.pid.flatMap(ProcessUsage.of), stream: nil)
        }
        let streams = asked.indices.compactMap { place in asked[place].stream.map { (place: place, stream: $0) } }
        // A listing without bytes is worth more than none: where the kernel does not answer, they are left out.
        guard !streams.isEmpty, let diagnostics = try? SocketDiagnostics() else { return answers }
        for start in stride(from: 0, to: streams.count, by: SocketDiagnostics.streamsAtOnce) {
            let some = streams[start..<min(start + SocketDiagnostics.streamsAtOnce, streams.count)]
            // What it does not answer now it does not answer for the others either.
            guard let found = try? diagnostics.streams(some.map(\.stream)) else { break }
            for (one, stream) in zip(some, found) { answers[one.place].stream = stream }
        }
        return answers
    }
}
