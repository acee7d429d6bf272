// SPDX-License-Identifier: Apache-2.0
// Finds keys with so many dots that toml++, which frees a tree by recursion, would run out of stack on them.

/// A scan of TOML text for dotted keys that are too deep.
///
/// It follows strings and comments only as far as it must to not count the dots in them. Where the text is not TOML its
/// reading may differ from toml++'s; that is harmless, since toml++ stops there.
enum KeyDepth {
    /// The most dots in one key.
    ///
    /// No key of serverd has more than one.
    static let maximumDots = 16

    /// Where the first key with more than ``maximumDots`` dots leaves the allowed depth, if there is one.
    static func firstTooDeep(in bytes: [UInt8]) -> SourcePosition? {
        var dots = 0
        var index = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "."):
                dots += 1
                if dots > maximumDots { return position(of: index, in: bytes) }
                index += 1
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                index = endOfString(at: index, in: bytes)
            case UInt8(ascii: "#"):
                index = bytes[index...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
            case UInt8(ascii: "="), UInt8(ascii: ","), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "{"),
                UInt8(ascii: "}"), UInt8(ascii: "\n"):
                dots = 0
                index += 1
            default:
                index += 1
            }
        }
        return nil
    }

    /// The index behind the string whose first quote is at `start`.
    private static func endOfString(at start: Int, in bytes: [UInt8]) -> Int {
        let quote = bytes[start]
        let isMultiline = bytes[start...].prefix(3).elementsEqual([quote, quote, quote])
        var index = start + (isMultiline ? 3 : 1)
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                index += 2
            } else if isMultiline, bytes[index...].prefix(3).elementsEqual([quote, quote, quote]) {
                // Up to two quotes directly before the closing ones belong to the string.
                return index + 3 + bytes[(index + 3)...].prefix(2).prefix { $0 == quote }.count
            } else if !isMultiline, bytes[index] == quote || bytes[index] == UInt8(ascii: "\n") {
                return index + 1
            } else {
                index += 1
            }
        }
        return bytes.count
    }

    private static func position(of index: Int, in bytes: [UInt8]) -> SourcePosition {
        let before = bytes[..<index]
        let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let isStartOfScalar = { (byte: UInt8) in byte & 0xc0 != 0x80 }
        return SourcePosition(
            line: before.count { $0 == UInt8(ascii: "\n") } + 1,
            column: before[lineStart...].count(where: isStartOfScalar) + 1)
    }
}
