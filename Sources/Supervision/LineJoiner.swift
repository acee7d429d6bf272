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

    /// Takes a piece in and delivers the lines that it completes.
    package mutating func add(
        _ piece: UnsafeRawBufferPointer, from pid: Int32, of connection: UInt64?,
        to deliver: (StandardErrorLine) -> Void
    ) {
        var line = resume(pid, connection, deliver)
        var rest = piece[...]
        while let newline = rest.firstIndex(of: UInt8(ascii: "\n")) {
            append(rest[..<newline], to: &line, deliver)
            deliver(line)
            line.bytes = []
            rest = rest[(newline + 1)...]
        }
        append(rest, to: &line, deliver)
        guard !line.bytes.isEmpty else { return }
        if unfinished.count >= Self.unfinishedLimit { deliverOldest(deliver) }
        begun += 1
        unfinished[pid] = Unfinished(line: line, began: begun)
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

    // A line of exactly the limit is whole: it is cut only when there is one byte more.
    private func append(
        _ bytes: Slice<UnsafeRawBufferPointer>, to line: inout StandardErrorLine, _ deliver: (StandardErrorLine) -> Void
    ) {
        var rest = bytes
        while line.bytes.count + rest.count > Self.lineLimit {
            let part = rest.prefix(Self.lineLimit - line.bytes.count)
            line.bytes.append(contentsOf: part)
            rest = rest.dropFirst(part.count)
            deliver(line)
            line.bytes = []
        }
        line.bytes.append(contentsOf: rest)
    }

    private mutating func deliverOldest(_ deliver: (StandardErrorLine) -> Void) {
        guard let oldest = unfinished.values.min(by: { $0.began < $1.began }) else { return }
        unfinished[oldest.line.pid] = nil
        deliver(oldest.line)
    }
}
