// SPDX-License-Identifier: Apache-2.0
// Reads what handlers use and what their streams have carried, on threads beside the loop: the kernel takes its time to tell.

internal import EventLoops
internal import Glibc
internal import Policy
internal import Sockets
internal import Supervision
internal import Synchronization
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

/// Asks the kernel about connections, in the order in which it is asked.
///
/// That takes longer than all else that is done for a listing, some 20 µs for a connection whose program has run since it
/// was looked at. The threads that do it are there as long as there is something to ask.
final class UsageReader: Sendable {
    /// How much less a reading thread gets of a processor that others want too (nice(2)).
    private static let niceness: CInt = 10
    /// How many processes are looked at before others have their turn: a tenth of a millisecond.
    private static let processesAtOnce = 4
    /// How many threads read at most.
    private static let mostThreads = 2

    /// What is known of a connection beside the loop.
    private typealias Asked = (process: (pid: Int32, former: ProcessSample?)?, stream: StreamIdentity?)

    private typealias Found = (process: ProcessSample?, stream: TCPStream?)

    private struct Work: Sendable {
        let asked: [Asked]
        let time: Duration
        let continuation: UnsafeContinuation<[Found], Never>
    }

    private struct State {
        /// What no thread has begun, the oldest first.
        var waiting: [Work] = []
        var threads = 0
    }

    private let loop: EventLoop
    private let state = Mutex(State())

    /// Nothing is asked.
    init(on loop: EventLoop) { self.loop = loop }

    /// The answers to these questions, in their order.
    ///
    /// The loop turns meanwhile, unless there is no thread to be had. Only on the loop. The task's cancellation does not
    /// end the wait, which is short.
    nonisolated(nonsending) func answers(to questions: [UsageQuestion]) async -> [UsageAnswer] {
        let found = await withUnsafeContinuation { continuation in
            let asked: [Asked] = questions.map {
                (process: $0.process.flatMap { $0.isAlive ? ($0.pid, $0.lastSample) : nil }, stream: $0.stream)
            }
            take(Work(asked: asked, time: loop.now, continuation: continuation))
        }
        return zip(questions, found).map { question, found in
            // A process that has not been reaped until now had its number for itself while it was looked at.
            guard let process = question.process, process.isAlive else {
                return UsageAnswer(process: nil, stream: found.stream)
            }
            process.lastSample = found.process
            return UsageAnswer(process: found.process?.usage, stream: found.stream)
        }
    }

    private func take(_ work: Work) {
        let needsThread = state.withLock { state in
            state.waiting.append(work)
            let isMissing = state.threads < min(Self.mostThreads, state.waiting.count)
            if isMissing { state.threads += 1 }
            return isMissing
        }
        guard needsThread else { return }
        do throws(Errno) {
            try PlainThread.start(name: "usage-reader") {
                setpriority(CInt(PRIO_PROCESS.rawValue), 0, Self.niceness)
                // A program that begins, and is given this processor, is not to wait for the rest of our time slice.
                self.readAll { _ = sched_yield() }
            }
        } catch {
            // Better late than not at all.
            readAll {}
        }
    }

    private func readAll(giveWay: () -> Void) {
        while let work = nextWork() {
            let found = Self.read(work, giveWay: giveWay)
            loop.execute { work.continuation.resume(returning: found) }
        }
    }

    private func nextWork() -> Work? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.threads -= 1
                return nil
            }
            return state.waiting.removeFirst()
        }
    }

    private static func read(_ work: Work, giveWay: () -> Void) -> [Found] {
        let asked = work.asked
        var found: [Found] = asked.enumerated().map { place, one in
            if place.isMultiple(of: processesAtOnce) { giveWay() }
            return (one.process.flatMap { ProcessSample.of($0.pid, at: work.time, after: $0.former) }, nil)
        }
        let streams = asked.indices.compactMap { place in asked[place].stream.map { (place: place, stream: $0) } }
        // A listing without bytes is worth more than none: where the kernel does not answer, they are left out.
        guard !streams.isEmpty, let diagnostics = try? SocketDiagnostics() else { return found }
        for start in stride(from: 0, to: streams.count, by: SocketDiagnostics.streamsAtOnce) {
            giveWay()
            let some = streams[start..<min(start + SocketDiagnostics.streamsAtOnce, streams.count)]
            // What it does not answer now it does not answer for the others either.
            guard let answers = try? diagnostics.streams(some.map(\.stream)) else { break }
            for (one, stream) in zip(some, answers) { found[one.place].stream = stream }
        }
        return found
    }
}
