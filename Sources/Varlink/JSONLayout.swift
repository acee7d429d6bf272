// SPDX-License-Identifier: Apache-2.0
// JSON on many lines, made from JSON on one.

/// The form of JSON that people read.
enum JSONLayout {
    /// The same text with a line for each member and element, indented by two spaces a level.
    ///
    /// `text` is JSON without a space between its values; it is not checked.
    static func lines(of text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count * 2)
        var depth = 0
        var next = 0
        func beginLine() {
            result.append(UInt8(ascii: "\n"))
            result.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * depth))
        }
        while next < text.count {
            let start = next
            next += 1
            switch text[start] {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                result.append(text[start])
                depth += 1
                // An empty one has an empty line.
                let isEmpty = next < text.count && (text[next] == UInt8(ascii: "}") || text[next] == UInt8(ascii: "]"))
                if isEmpty { result.append(UInt8(ascii: "\n")) } else { beginLine() }
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                beginLine()
                result.append(text[start])
            case UInt8(ascii: ","):
                result.append(text[start])
                beginLine()
            case UInt8(ascii: ":"):
                result.append(contentsOf: " : ".utf8)
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
