// SPDX-License-Identifier: Apache-2.0
// JSON on many lines, made from JSON on one.

/// The form of JSON that people read.
enum JSONLayout {
    private static let colon = Array(" : ".utf8)

    /// The same text with a line for each member and element, indented by two spaces a level.
    ///
    /// `text` is JSON without a space between its values; it is not checked.
    static func lines(of text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count * 2)
        // Arrays are copied at once, other collections byte by byte.
        var lineStart = [UInt8(ascii: "\n")]
        let step = [UInt8](repeating: UInt8(ascii: " "), count: 2)
        var next = 0
        while next < text.count {
            let start = next
            next = endOfValue(in: text, from: start)
            result += text[start..<next]
            guard next < text.count else { break }
            let byte = text[next]
            next += 1
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                result.append(byte)
                lineStart += step
                // An empty one has an empty line.
                let isEmpty = next < text.count && (text[next] == UInt8(ascii: "}") || text[next] == UInt8(ascii: "]"))
                if isEmpty { result.append(UInt8(ascii: "\n")) } else { result += lineStart }
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                lineStart.removeLast(step.count)
                result += lineStart
                result.append(byte)
            case UInt8(ascii: ","):
                result.append(byte)
                result += lineStart
            default:
                result += colon
            }
        }
        return result
    }

    /// Where a key or a value that is neither an object nor a list ends, if one begins at `start`.
    private static func endOfValue(in text: [UInt8], from start: Int) -> Int {
        var next = start
        while next < text.count {
            switch text[next] {
            case UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: ","),
                UInt8(ascii: ":"):
                return next
            case UInt8(ascii: "\""):
                next += 1
                while next < text.count, text[next] != UInt8(ascii: "\"") {
                    next += text[next] == UInt8(ascii: "\\") ? 2 : 1
                }
                next += 1
            default:
                next += 1
            }
        }
        return text.count
    }
}
