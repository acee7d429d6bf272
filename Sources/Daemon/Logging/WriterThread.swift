// SPDX-License-Identifier: Apache-2.0
// A thread behind a bounded queue, for writes that may block: the log and notify writer is made of two of them.

internal import Glibc
package import SystemPackage

/// What a writer thread does with records.
///
/// It belongs to the thread alone and may block.
package protocol RecordSink<Record>: Sendable {
    /// What is written.
    associatedtype Record: Sendable

    /// Writes a record, or keeps it for ``flush()``.
    mutating func take(_ record: Record)

    /// Tells the reader that this many records are missing here.
    mutating func takeDropped(_ count: Int)

    /// Writes what is kept. Returns how many records have been lost since the last flush because they could not be
    /// written, each missing record that could not be told included.
    mutating func flush() -> Int
}

/// A thread that writes records in the order they were submitted.
///
/// It is guaranteed that a submission never waits for a write; that at most `limits` of what was submitted is unwritten;
/// and that each record that was dropped because of that is counted, at the place where it is missing.
///
/// | the thread is | it wakes when |
/// |---|---|
/// | idle | a record is submitted |
/// | lingering: it has just written, and lets records gather | the time is over, the queue is half full, or someone flushes |
/// | writing | never: it looks by itself when it is done |
package final class WriterThread<Sink: RecordSink>: Sendable {
    private let core: Core

    /// How much may be unwritten.
    package struct Limits: Hashable, Sendable {
        /// Records.
        package var records: Int
        /// Bytes, as counted by the submitter.
        package var bytes: Int

        /// Both limits.
        package init(records: Int, bytes: Int) {
            self.records = records
            self.bytes = bytes
        }
    }

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - name: what `ps -L` shows; at most 15 bytes.
    ///   - linger: how long records gather after a write before the next one. The first after a pause is written at once.
    /// - Throws: the errno of pthread_create(3).
    package init(name: String, limits: Limits, linger: Duration, sink: Sink) throws(Errno) {
        let core = Core(limits: limits, linger: linger)
        self.core = core
        try PlainThread.start(name: name) { core.run(sink) }
    }

    deinit {
        // What was submitted is still written; the thread then ends by itself.
        core.close()
    }

    /// Submits a record that counts as `bytes`.
    ///
    /// Never blocks.
    ///
    /// - Returns: false if it was dropped: there is no room, or ``finish(until:)`` was called before.
    @discardableResult
    package func submit(_ record: Sink.Record, bytes: Int) -> Bool { core.submit(record, bytes) }

    /// Waits until everything that was submitted before the call is written, and every dropped record told; at most
    /// until the deadline.
    ///
    /// - Returns: whether it is.
    package func flush(until deadline: Deadline) -> Bool { core.flush(deadline) }

    /// As ``flush(until:)``; takes no more records, and ends the thread when the last is written, however long after
    /// the deadline that may be.
    package func finish(until deadline: Deadline) -> Bool {
        core.close()
        return flush(until: deadline)
    }
}

extension WriterThread {
    /// What the submitters and the thread share: it lives until both are done.
    private final class Core: Sendable {
        private let limits: Limits
        private let linger: Duration
        private let monitor = Monitor(State())

        init(limits: Limits, linger: Duration) {
            self.limits = limits
            self.linger = linger
        }

        func submit(_ record: Sink.Record, _ bytes: Int) -> Bool {
            let (isTaken, mustWake) = monitor.withLock { state in state.submit(record, bytes, limits) }
            if mustWake { monitor.wakeAll() }
            return isTaken
        }

        func close() {
            monitor.withLock { $0.isClosed = true }
            monitor.wakeAll()
        }

        func flush(_ deadline: Deadline) -> Bool {
            let target = monitor.withLock { state in
                state.flushers += 1
                return state.submitted
            }
            monitor.wakeAll()
            let isWritten = monitor.wait(until: deadline) { state in state.isTold(target) ? true : nil }
            monitor.withLock { $0.flushers -= 1 }
            return isWritten ?? false
        }

        /// The thread's body.
        func run(_ sink: Sink) {
            var sink = sink
            while let batch = nextBatch() {
                for start in stride(from: 0, to: batch.entries.count, by: Self.portion) {
                    let end = min(start + Self.portion, batch.entries.count)
                    write(batch.entries[start..<end], to: &sink)
                }
                if batch.dropped > 0 {
                    sink.takeDropped(batch.dropped)
                    let lost = sink.flush()
                    monitor.withLock { state in
                        state.lost += lost
                        state.isTelling = false
                    }
                    monitor.wakeAll()
                }
                // Waking once for many records costs their submitters less than waking for each.
                _ = monitor.wait(until: .after(linger)) { state in state.linger(limits) }
            }
        }

        /// How many records are written before their room is given back.
        private static var portion: Int { 256 }

        private func write(_ entries: ArraySlice<State.Entry>, to sink: inout Sink) {
            var bytes = 0
            for entry in entries {
                if entry.droppedBefore > 0 { sink.takeDropped(entry.droppedBefore) }
                sink.take(entry.record)
                bytes += entry.bytes
            }
            let lost = sink.flush()
            let isAwaited = monitor.withLock { state in
                state.lost += lost
                state.written += entries.count
                state.bytes -= bytes
                return state.flushers > 0
            }
            if isAwaited { monitor.wakeAll() }
        }

        private func nextBatch() -> (entries: [State.Entry], dropped: Int)? {
            monitor.wait { state in state.takeBatch() } ?? nil
        }
    }

    /// What is queued, and what the thread is doing.
    private struct State: Sendable {
        struct Entry: Sendable {
            let record: Sink.Record
            let bytes: Int
            /// How many records are missing between the one before and this.
            let droppedBefore: Int
        }

        enum Thread { case idle, lingering, writing }

        var queue: [Entry] = []
        var thread = Thread.writing
        var isClosed = false
        var flushers = 0
        /// Records taken and written, and the bytes of those between.
        var submitted = 0
        var written = 0
        var bytes = 0
        /// Dropped for want of room, and lost by a failing write: not yet told to the reader.
        var dropped = 0
        var lost = 0
        /// The thread is telling the reader right now, with no record to follow.
        var isTelling = false

        mutating func submit(_ record: Sink.Record, _ size: Int, _ limits: Limits) -> (isTaken: Bool, mustWake: Bool) {
            guard !isClosed, submitted - written < limits.records, bytes + size <= limits.bytes else {
                // After the end there is nobody left to tell.
                if !isClosed { dropped += 1 }
                return (false, false)
            }
            queue.append(Entry(record: record, bytes: size, droppedBefore: dropped + lost))
            dropped = 0
            lost = 0
            submitted += 1
            bytes += size
            let mustWake =
                switch thread {
                case .idle: true
                case .lingering: isHalfFull(limits)
                case .writing: false
                }
            // Only the first one who finds the thread waiting pays for waking it.
            if mustWake { thread = .writing }
            return (true, mustWake)
        }

        func isTold(_ target: Int) -> Bool { written >= target && dropped == 0 && !isTelling }

        private func isHalfFull(_ limits: Limits) -> Bool {
            submitted - written >= limits.records / 2 || bytes >= limits.bytes / 2
        }

        /// A result ends the lingering.
        mutating func linger(_ limits: Limits) -> Void? {
            if isClosed || flushers > 0 || isHalfFull(limits) { return () }
            thread = .lingering
            return nil
        }

        /// The next batch; `.some(nil)` when there will be none, nil when there is none yet.
        mutating func takeBatch() -> (entries: [Entry], dropped: Int)?? {
            guard !queue.isEmpty || dropped > 0 else {
                thread = .idle
                return isClosed ? .some(nil) : nil
            }
            thread = .writing
            guard queue.isEmpty else {
                // What is dropped while this batch is written is told after it, in one line.
                defer { queue = [] }
                return (queue, 0)
            }
            isTelling = true
            defer { dropped = 0 }
            return ([], dropped)
        }
    }
}
