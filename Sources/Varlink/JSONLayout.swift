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
            next += 1
            switch text[start] {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                result.append(text[start])
                lineStart += step
                // An empty one has an empty line.
                let isEmpty = next < text.count && (text[next] == UInt8(ascii: "}") || text[next] == UInt8(ascii: "]"))
                if isEmpty { result.append(UInt8(ascii: "\n")) } else { result += lineStart }
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                lineStart.removeLast(step.count)
                result += lineStart
                result.append(text[start])
            case UInt8(ascii: ","):
                result.append(text[start])
                result += lineStart
            case UInt8(ascii: ":"):
                result += colon
            case UInt8(ascii: "\""):
                while next < text.count, text[next] != UInt8(ascii: "\"") {
                    next += text[next] == UInt8(ascii: "\\") ? 2 : 1
                }
                next += 1
                result.append(contentsOf: text[start..<min(next, text.count)])
            default:
                result.append(text[start])
            }
        }
        return result
    }
}
