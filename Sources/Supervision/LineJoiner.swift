// SPDX-License-Identifier: Apache-2.0
// Pieces of text from several writers, joined to lines by the writer: pure.

/// One line that a handler wrote to its standard error, or a part of a line that was too long.
package struct StandardErrorLine: Equatable, Sendable {
    /// The process that wrote it.
    package var pid: Int32
    /// The connection that the process works for, `nil` when only its service is known.
    package var connection: UInt64?
    /// What it wrote, without the newline.
    ///
    /// Any bytes: whoever shows them escapes them.
    package var bytes: [UInt8]

    /// A line of these parts.
    package init(pid: Int32, connection: UInt64?, bytes: [UInt8]) {
        self.pid = pid
        self.connection = connection
        self.bytes = bytes
    }
}

/// Joins pieces to lines, for each process by itself.
///
/// What it remembers is bounded: a line that grows longer than the limit is delivered in parts, and of too many
/// unfinished lines the oldest is delivered as it is.
package struct LineJoiner {
    /// The longest line.
    package static let lineLimit = 2048
    /// The most unfinished lines.
    package static let unfinishedLimit = 256

    private struct Unfinished {
        var line: StandardErrorLine
        var began: UInt64
    }
    private var unfinished: [Int32: Unfinished] = [:]
    private var begun: UInt64 = 0

    /// Nothing was written yet.
    package init() {}

    /// Takes a piece in and delivers the lines that it completes, until there were `limit`.
    /// - Returns: how many bytes of it were taken, and how many lines delivered. Less than all is taken only where a
    ///   line ends.
    @discardableResult
    package mutating func add(
        _ piece: UnsafeRawBufferPointer, from pid: Int32, of connection: UInt64?, atMost limit: Int = .max,
        to deliver: (StandardErrorLine) -> Void
    ) -> (bytes: Int, lines: Int) {
        var line = resume(pid, connection, deliver)
        var taken = 0
        var lines = 0
        while taken < piece.count, lines < limit {
            let room = Self.lineLimit - line.bytes.count
            // A line of exactly the limit is whole: it is cut only when there is one byte more.
            let window = piece[taken...].prefix(room + 1)
            if let newline = window.firstIndex(of: UInt8(ascii: "\n")) {
                line.bytes.append(contentsOf: piece[taken..<newline])
                taken = newline + 1
            } else {
                line.bytes.append(contentsOf: window.prefix(room))
                taken += min(room, window.count)
                guard window.count > room else { break }
            }
            deliver(line)
            line.bytes = []
            lines += 1
        }
        keep(line, deliver)
        return (taken, lines)
    }

    /// Takes a piece in as ``add(_:from:of:atMost:to:)`` does, but only counts the lines that it completes, for one who
    /// does not want them.
    ///
    /// It keeps the beginning of a line that is not finished, and delivers parts of it if it is too long.
    package mutating func count(
        _ piece: UnsafeRawBufferPointer, from pid: Int32, of connection: UInt64?,
        to deliver: (StandardErrorLine) -> Void
    ) -> Int {
        guard let last = piece.lastIndex(of: UInt8(ascii: "\n")) else {
            add(piece, from: pid, of: connection, to: deliver)
            return 0
        }
        // Its line ends with the first newline.
        unfinished[pid] = nil
        var newlines = 0
        for byte in piece[...last] where byte == UInt8(ascii: "\n") { newlines += 1 }
        add(UnsafeRawBufferPointer(rebasing: piece[(last + 1)...]), from: pid, of: connection, to: deliver)
        return newlines
    }

    /// Delivers the unfinished lines that `condition` is true for.
    package mutating func flush(where condition: (StandardErrorLine) -> Bool, to deliver: (StandardErrorLine) -> Void) {
        guard !unfinished.isEmpty else { return }
        let flushed = unfinished.values.filter { condition($0.line) }.sorted { $0.began < $1.began }
        for one in flushed {
            unfinished[one.line.pid] = nil
            deliver(one.line)
        }
    }

    // The line of a process whose number now belongs to another connection's is not continued.
    private mutating func resume(
        _ pid: Int32, _ connection: UInt64?, _ deliver: (StandardErrorLine) -> Void
    ) -> StandardErrorLine {
        let new = StandardErrorLine(pid: pid, connection: connection, bytes: [])
        guard let earlier = unfinished.removeValue(forKey: pid)?.line else { return new }
        guard let connection, connection != earlier.connection else { return earlier }
        guard earlier.connection == nil else {
            deliver(earlier)
            return new
        }
        return StandardErrorLine(pid: pid, connection: connection, bytes: earlier.bytes)
    }

    private mutating func keep(_ line: StandardErrorLine, _ deliver: (StandardErrorLine) -> Void) {
        guard !line.bytes.isEmpty else { return }
        if unfinished.count >= Self.unfinishedLimit { deliverOldest(deliver) }
        begun += 1
        unfinished[line.pid] = Unfinished(line: line, began: begun)
    }

    private mutating func deliverOldest(_ deliver: (StandardErrorLine) -> Void) {
        guard let oldest = unfinished.values.min(by: { $0.began < $1.began }) else { return }
        unfinished[oldest.line.pid] = nil
        deliver(oldest.line)
    }
}
