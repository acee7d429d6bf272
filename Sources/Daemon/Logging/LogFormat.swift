// SPDX-License-Identifier: Apache-2.0
// The three ways a log line is written to a stream.

internal import Logging

/// How lines look.
package enum LogFormat: Hashable, Sendable {
    /// For people: `15:04:05.123 warning message key=value`. On a terminal the time is the local clock's, and the level
    /// may have a colour (its word is always there); elsewhere the time is a full date in UTC.
    case human(terminal: Bool, colour: Bool)
    /// For systemd, which adds the time itself: `<4>message key=value` (sd-daemon(3)).
    case prefixed
    /// For machines: one JSON object a line, with `time`, `level`, `message` and the keys.
    case json
}

/// Writes events as lines of one format.
struct LogRenderer: Sendable {
    private let format: LogFormat
    private var timestamp: LogTimestamp

    /// A renderer of one format.
    init(_ format: LogFormat) {
        self.format = format
        timestamp =
            switch format {
            case .human(terminal: true, _): LogTimestamp(.clock)
            case .human, .prefixed, .json: LogTimestamp(.utc)
            }
    }

    /// Appends the event: one line, or more if its message is too long for one.
    mutating func append(_ line: LogLine, to bytes: inout [UInt8]) {
        let pairs = line.pairs
        for piece in LogText.pieces(line.message) {
            switch format {
            case .human(_, let colour):
                timestamp.append(line.time, to: &bytes)
                bytes.append(UInt8(ascii: " "))
                Self.append(line.level, colour: colour, to: &bytes)
                Self.appendText(piece, pairs, to: &bytes)
            case .prefixed:
                bytes += [UInt8(ascii: "<"), UInt8(ascii: "0") + line.level.priority, UInt8(ascii: ">")]
                Self.appendText(piece, pairs, to: &bytes)
            case .json:
                appendObject(line, piece, pairs, to: &bytes)
            }
            bytes.append(UInt8(ascii: "\n"))
        }
    }

    /// Appends `message key=value key="another value"`.
    static func appendText(
        _ message: Substring, _ pairs: [LogLine.Pair], to bytes: inout [UInt8]
    ) {
        LogText.append(message, at: .message, to: &bytes)
        for pair in pairs {
            bytes.append(UInt8(ascii: " "))
            bytes.append(contentsOf: LogText.safe(pair.key).utf8)
            bytes.append(UInt8(ascii: "="))
            LogText.append(LogText.value(pair.value.text), at: .value, to: &bytes)
        }
    }

    private static func append(_ level: Logger.Level, colour: Bool, to bytes: inout [UInt8]) {
        let code = colour ? level.colour : nil
        if let code { bytes.append(contentsOf: "\u{1b}[\(code)m".utf8) }
        bytes.append(contentsOf: level.rawValue.utf8)
        if code != nil { bytes.append(contentsOf: "\u{1b}[0m".utf8) }
        // The longest is "critical".
        for _ in level.rawValue.utf8.count..<9 { bytes.append(UInt8(ascii: " ")) }
    }

    private mutating func appendObject(
        _ line: LogLine, _ message: Substring, _ pairs: [LogLine.Pair],
        to bytes: inout [UInt8]
    ) {
        bytes.append(contentsOf: "{\"time\":\"".utf8)
        timestamp.append(line.time, to: &bytes)
        bytes.append(contentsOf: "\",\"level\":\"".utf8)
        bytes.append(contentsOf: line.level.rawValue.utf8)
        bytes.append(contentsOf: "\",\"message\":".utf8)
        LogText.appendQuoted(message, to: &bytes)
        for pair in pairs {
            bytes.append(UInt8(ascii: ","))
            // No key may occur twice in an object.
            let isTaken = pair.key == "time" || pair.key == "level" || pair.key == "message"
            LogText.appendQuoted((isTaken ? pair.key + "_" : LogText.safe(pair.key))[...], to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            if pair.value.isInteger {
                bytes.append(contentsOf: pair.value.text.utf8)
            } else {
                LogText.appendQuoted(LogText.value(pair.value.text), to: &bytes)
            }
        }
        bytes.append(UInt8(ascii: "}"))
    }
}

extension Logger.MetadataValue {
    /// The value as text, not yet safe.
    var text: String {
        switch self {
        case .string(let text): text
        case .stringConvertible(let value): value.description
        case .array, .dictionary: description
        }
    }

    /// Whether it was given as an integer, and not as text that looks like one.
    fileprivate var isInteger: Bool {
        guard case .stringConvertible(let value) = self else { return false }
        return value is any BinaryInteger
    }
}

extension Logger.Level {
    /// The priority of syslog(3), from 2 for critical to 7 for debug.
    var priority: UInt8 {
        switch self {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }

    /// The terminal's code for the colour of the word, nil for the terminal's own.
    fileprivate var colour: String? {
        switch self {
        case .trace, .debug: "2"
        case .info, .notice: nil
        case .warning: "33"
        case .error: "31"
        case .critical: "1;31"
        }
    }
}
