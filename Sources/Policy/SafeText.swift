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
        var result = ""
        var index = 0
        while index < bytes.count {
            // The leading ones of a first byte tell the sequence's length; whether it is one, the validation tells.
            let end = index + max(1, (~bytes[index]).leadingZeroBitCount)
            if end <= bytes.count, let text = String(validating: bytes[index..<end], as: UTF8.self) {
                result += escape(text)
                index = end
            } else {
                appendByte(bytes[index], to: &result)
                index += 1
            }
        }
        return result
    }

    /// The text, escaped.
    package static func escape(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
        var result = ""
        for scalar in text.unicodeScalars { append(scalar, to: &result) }
        return result
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
