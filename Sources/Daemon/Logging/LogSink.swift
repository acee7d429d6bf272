// SPDX-License-Identifier: Apache-2.0
// Where the writer's thread puts log lines: the journal with a field for each key, or a stream.

internal import Descriptors
internal import Logging
internal import SystemPackage
internal import Systemd

/// The log's sink.
///
/// It belongs to the writer's thread.
package struct LogSink: RecordSink {
    private var journal: JournalFields?
    private var stream: StreamSink

    /// A sink for the destination; `descriptor` is standard error or stands for it.
    init(_ destination: LogDestination, _ descriptor: consuming Descriptor) {
        let output = StreamSink.Output(descriptor)
        switch destination {
        case .journal:
            journal = JournalFields()
            // What the journal refuses is read from standard error by the journal, too.
            stream = StreamSink(.prefixed, output)
        case .lines(let format):
            stream = StreamSink(format, output)
        }
    }

    package mutating func take(_ record: LogLine) { append(record, standingFor: 1) }

    package mutating func takeDropped(_ count: Int) {
        let line = LogLine(.warning, "log lines were dropped", metadata: ["lines": .stringConvertible(count)])
        append(line, standingFor: count)
    }

    package mutating func flush() -> Int { stream.flush() }

    private mutating func append(_ line: LogLine, standingFor count: Int) {
        guard journal?.send(line) != true else { return }
        stream.append(line, standingFor: count)
    }
}

/// Log lines as entries of the journal.
///
/// `MESSAGE` is the whole line with its keys, because that is what `journalctl` shows; each key is a field of its own too:
/// `journalctl SERVERD_SERVICE=git`.
package struct JournalFields: Sendable {
    /// What the entries are filed under: `journalctl -t serverd`.
    package static let identifier = "serverd"

    private var entry = JournalEntry()
    /// Names that were computed before.
    ///
    /// Keys are constants, so these are few.
    private var fieldNames: [String: [UInt8]] = [:]

    /// An entry that is used again for each line.
    package init() {}

    /// Sends the line, in several entries if its message is too long for one.
    ///
    /// It may block.
    ///
    /// - Returns: false if the journal refused it.
    mutating func send(_ line: LogLine) -> Bool {
        let pairs = line.pairs
        for piece in LogText.pieces(line.message) {
            fill(line, piece, pairs)
            do throws(Errno) { try entry.send() } catch { return false }
        }
        return true
    }

    /// The fields of the first entry for a line, each as `NAME=value`.
    package mutating func fields(_ line: LogLine) -> [[UInt8]] {
        fill(line, LogText.pieces(line.message)[0], line.pairs)
        return entry.fields
    }

    private mutating func fill(
        _ line: LogLine, _ message: Substring, _ pairs: [LogLine.Pair]
    ) {
        entry.removeAll()
        entry.add("MESSAGE".utf8) { LogRenderer.appendText(message, pairs, to: &$0) }
        entry.add("PRIORITY".utf8) { $0.append(UInt8(ascii: "0") + line.level.priority) }
        entry.add("SYSLOG_IDENTIFIER".utf8) { $0.append(contentsOf: Self.identifier.utf8) }
        if let id = MessageCatalog.id(of: line.message) {
            entry.add("MESSAGE_ID".utf8) { $0.append(contentsOf: id.utf8) }
        }
        for pair in pairs {
            let name = fieldNames[pair.key] ?? JournalEntry.fieldName(pair.key)
            fieldNames[pair.key] = name
            entry.add(name) { $0.append(contentsOf: LogText.value(pair.value.text).utf8) }
        }
    }
}
