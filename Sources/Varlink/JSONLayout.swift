// SPDX-License-Identifier: Apache-2.0
// JSON on many lines, made from JSON on one.

/// The form of JSON that people read: a line for each member and element, indented by two spaces a level.
package struct JSONLayout {
    private static let step = [UInt8](repeating: UInt8(ascii: " "), count: 2)

    /// What begins a line.
    private var lineStart = [UInt8(ascii: "\n")]
    /// Whether an object or a list has begun, and nothing of it has come yet.
    private var isOpened = false

    /// Nothing has come.
    package init() {}

    /// The lines of the next piece of a text.
    ///
    /// The text is JSON without a space between its values, and a piece of it ends behind a value, a bracket or a comma;
    /// neither is checked.
    package mutating func lines(of piece: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(piece.count * 2)
        piece.withUnsafeBufferPointer { piece in
            // Copied is what stands between two places where something is put in, at once.
            var copied = 0
            var next = 0
            while next < piece.count {
                let byte = piece[next]
                let isEnd = byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]")
                if isOpened {
                    // An empty one has an empty line.
                    if isEnd { result.append(UInt8(ascii: "\n")) } else { result += lineStart }
                    isOpened = false
                }
                if isEnd {
                    result.append(contentsOf: UnsafeBufferPointer(rebasing: piece[copied..<next]))
                    copied = next
                    lineStart.removeLast(Self.step.count)
                    result += lineStart
                }
                next = byte == UInt8(ascii: "\"") ? Self.endOfString(in: piece, from: next) : next + 1
                switch byte {
                case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: ","), UInt8(ascii: ":"): break
                default: continue
                }
                result.append(contentsOf: UnsafeBufferPointer(rebasing: piece[copied..<next]))
                copied = next
                follow(byte, in: &result)
            }
            result.append(contentsOf: UnsafeBufferPointer(rebasing: piece[copied...]))
        }
        return result
    }

    /// Adds what comes behind a byte that has something of ours behind it.
    private mutating func follow(_ byte: UInt8, in result: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: ","): result += lineStart
        case UInt8(ascii: ":"):
            result[result.count - 1] = UInt8(ascii: " ")
            result.append(byte)
            result.append(UInt8(ascii: " "))
        default:
            lineStart += Self.step
            isOpened = true
        }
    }

    /// Where a string ends that begins at `start`.
    private static func endOfString(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var next = start + 1
        while next < text.count, text[next] != UInt8(ascii: "\"") {
            next += text[next] == UInt8(ascii: "\\") ? 2 : 1
        }
        return min(next + 1, text.count)
    }
}
