// SPDX-License-Identifier: Apache-2.0
// How text gets into a log line: made safe, cut to a length, quoted where it could be taken for something else.

internal import Policy

/// The writing of text into lines that are bytes.
///
/// It is guaranteed that no text adds a line, a priority or a key to the log: unsafe scalars are escaped (`SafeText`), and
/// a text that could be read as something else stands in quotes.
enum LogText {
    /// The longest message of one line, and the longest value of a key, in bytes.
    ///
    /// A longer message goes on in another line with the same keys; a longer value is cut and ends with `…`.
    static let limit = 2048

    /// Where a text stands, and therefore what it must not contain outside quotes.
    enum Place {
        /// At the start of what is said, before the keys.
        case message
        /// After `key=`.
        case value
    }

    /// `text` made safe.
    static func safe(_ text: String) -> String {
        // Nearly all text is printable ASCII: do not decode it.
        text.utf8.allSatisfy { (0x20..<0x7f).contains($0) } ? text : SafeText.escape(text)
    }

    /// A message made safe, in pieces of at most ``limit`` bytes; one empty piece for an empty message.
    static func pieces(_ message: String) -> [Substring] {
        var rest = safe(message)[...]
        var pieces: [Substring] = []
        while rest.utf8.count > limit {
            let end = rest.index(before: limit)
            pieces.append(rest[..<end])
            rest = rest[end...]
        }
        pieces.append(rest)
        return pieces
    }

    /// A value made safe, at most ``limit`` bytes long.
    static func value(_ text: String) -> Substring {
        let ellipsis = "…"
        // Escaping only makes text longer, so what is far beyond the limit need not be looked at.
        let start = text.utf8.count > limit ? String(text[..<text[...].index(before: limit)]) : text
        let safe = safe(start)
        guard safe.utf8.count > limit || start.utf8.count < text.utf8.count else { return safe[...] }
        let room = limit - ellipsis.utf8.count
        let end = safe.utf8.count > room ? safe[...].index(before: room) : safe.endIndex
        return safe[..<end] + ellipsis
    }

    /// Appends a safe text, in quotes if at its place it could be taken for something else.
    static func append(_ safe: Substring, at place: Place, to bytes: inout [UInt8]) {
        let needsQuotes =
            switch place {
            case .message: safe.utf8.contains { $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: "\"") }
            case .value:
                safe.isEmpty
                    || safe.utf8.contains {
                        $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: "\"")
                    }
            }
        if needsQuotes { appendQuoted(safe, to: &bytes) } else { bytes.append(contentsOf: safe.utf8) }
    }

    /// Appends a safe text in quotes, which is also how JSON writes it: what is left to escape is `"` and `\`.
    static func appendQuoted(_ safe: Substring, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in safe.utf8 {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { bytes.append(UInt8(ascii: "\\")) }
            bytes.append(byte)
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

extension Substring {
    /// The last boundary between two scalars that is at most `length` bytes after the start; there must be more text.
    fileprivate func index(before length: Int) -> Index {
        let end = utf8.index(startIndex, offsetBy: length)
        var boundary = end
        // A scalar has at most four bytes: a continuation byte is 10xxxxxx.
        while boundary > startIndex, utf8[boundary] & 0xc0 == 0x80 { boundary = utf8.index(before: boundary) }
        return boundary
    }
}
