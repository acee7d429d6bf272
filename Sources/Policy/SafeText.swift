// SPDX-License-Identifier: Apache-2.0
// The making harmless of text that peers and handlers choose, for every log and every terminal.

/// Text from outside, as it may be shown.
///
/// What could move a cursor, start a line, reorder the text or hide in it is replaced by an escape that shows it: a
/// byte below 0x80, or one that is not UTF-8, as `\x1b`, any other scalar as `\u{202e}`. The backslash itself stays, so
/// that text that was made safe twice is what it was after the first time.
package enum SafeText {
    /// The bytes as text.
    ///
    /// Those that are not UTF-8 are escaped one by one.
    package static func escape(_ bytes: some Sequence<UInt8>) -> String {
        let bytes = Array(bytes)
        if let text = String(validating: bytes, as: UTF8.self) { return escape(text) }
        // Its cost must not depend on how much is wrong: whoever writes the bytes chooses them.
        var valid: [UInt8] = []
        valid.reserveCapacity(bytes.count * 4)
        var index = 0
        while index < bytes.count {
            let length = lengthOfScalar(bytes[index...])
            if length > 0 {
                valid += bytes[index..<(index + length)]
            } else {
                valid += [UInt8(ascii: "\\"), UInt8(ascii: "x"), digit(bytes[index] >> 4), digit(bytes[index] & 15)]
            }
            index += max(length, 1)
        }
        return escape(String(decoding: valid, as: UTF8.self))
    }

    /// How many bytes the scalar has that the bytes begin with; 0 when they begin with none.
    private static func lengthOfScalar(_ bytes: ArraySlice<UInt8>) -> Int {
        let first = bytes[bytes.startIndex]
        if first < 0x80 { return 1 }
        guard (0xc2...0xf4).contains(first) else { return 0 }
        let length = (~first).leadingZeroBitCount
        guard bytes.count >= length else { return 0 }
        // Overlong forms, surrogates, and what is beyond the last scalar.
        let second: ClosedRange<UInt8> =
            switch first {
            case 0xe0: 0xa0...0xbf
            case 0xed: 0x80...0x9f
            case 0xf0: 0x90...0xbf
            case 0xf4: 0x80...0x8f
            default: 0x80...0xbf
            }
        let rest = bytes.dropFirst().prefix(length - 1)
        guard rest.first.map(second.contains) ?? false, rest.allSatisfy({ $0 & 0xc0 == 0x80 }) else { return 0 }
        return length
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    /// The text, escaped.
    package static func escape(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
        var result = ""
        for scalar in text.unicodeScalars { append(scalar, to: &result) }
        return result
    }

    /// The text, escaped, cut to `limit` characters of the original with `…` in place of the rest.
    package static func escape(_ text: String, limit: Int) -> String {
        let start = text.unicodeScalars.prefix(limit)
        let shown = escape(String(start))
        return start.endIndex == text.unicodeScalars.endIndex ? shown : shown + "…"
    }

    /// Whether a scalar is escaped: control characters of both sets, line and paragraph separators, and all that are
    /// invisible and change the look of others, among them those that change the direction of writing.
    package static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value < 0x20 || scalar.value == 0x7f }
        return switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }

    private static func append(_ scalar: Unicode.Scalar, to result: inout String) {
        if !isUnsafe(scalar) {
            result.unicodeScalars.append(scalar)
        } else if let byte = UInt8(exactly: scalar.value), scalar.isASCII {
            appendByte(byte, to: &result)
        } else {
            result += "\\u{" + String(scalar.value, radix: 16) + "}"
        }
    }

    private static func appendByte(_ byte: UInt8, to result: inout String) {
        result += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
}
