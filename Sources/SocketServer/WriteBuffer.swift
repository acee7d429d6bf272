// SPDX-License-Identifier: Apache-2.0
// Bytes that wait to be written, and since when the oldest of them does: a value without a clock.

/// Bytes given to a writer and not yet taken by the system, with the age of the oldest.
struct WriteBuffer {
    private var bytes: [UInt8] = []
    private var head = 0
    private var written: UInt64 = 0
    private var marks: ArraySlice<Mark> = []

    // All bytes before `end`, counted from the beginning of the stream, and after the mark before, came at `since`.
    private struct Mark {
        var end: UInt64
        let since: Duration
    }

    /// How many bytes wait.
    var count: Int { bytes.count - head }

    /// When the oldest byte came; `nil` when none waits.
    var oldest: Duration? { marks.first?.since }

    /// What to write next.
    var next: ArraySlice<UInt8> { bytes[head...] }

    mutating func append(_ new: some Collection<UInt8>, at now: Duration) {
        guard !new.isEmpty else { return }
        bytes.append(contentsOf: new)
        let end = written + UInt64(count)
        if marks.last?.since == now {
            marks[marks.endIndex - 1].end = end
        } else {
            marks.append(Mark(end: end, since: now))
        }
    }

    /// The system has taken the first `number` bytes.
    mutating func removeFirst(_ number: Int) {
        head += number
        written += UInt64(number)
        while let first = marks.first, first.end <= written { marks.removeFirst() }
        // Each byte is moved once at most: only when what is gone is no less than what is left.
        guard head == bytes.count || head >= max(65_536, count) else { return }
        bytes.removeFirst(head)
        head = 0
    }

    mutating func removeAll() { removeFirst(count) }
}
