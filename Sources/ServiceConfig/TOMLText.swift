// SPDX-License-Identifier: Apache-2.0
// Values as TOML writes them, in one line that disturbs no terminal: what the parser reads back.

internal import Policy

/// The writing of TOML values.
enum TOMLText {
    /// A text in quotes.
    ///
    /// Whatever would not show, or would change how the rest shows, is escaped.
    static func string(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case _ where SafeText.isUnsafe(scalar): result += escape(scalar)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// `\u` with four digits, or `\U` with eight if need be.
    private static func escape(_ scalar: Unicode.Scalar) -> String {
        let code = String(scalar.value, radix: 16)
        let length = code.count <= 4 ? 4 : 8
        return (length == 4 ? "\\u" : "\\U") + String(repeating: "0", count: length - code.count) + code
    }

    /// A list of values that are TOML already.
    static func list(_ items: [String]) -> String { "[" + items.joined(separator: ", ") + "]" }

    /// A list of texts.
    static func list(strings: some Sequence<String>) -> String { list(strings.map(string)) }

    /// Texts by names that need no quotes, sorted by name.
    static func table(_ entries: [String: String]) -> String {
        table(of: entries.sorted { $0.key < $1.key }.map { ($0.key, string($0.value)) })
    }

    /// Values that are TOML already, by names that need no quotes, in this order.
    static func table(of entries: [(key: String, value: String)]) -> String {
        let pairs = entries.map { "\($0.key) = \($0.value)" }
        return pairs.isEmpty ? "{}" : "{ " + pairs.joined(separator: ", ") + " }"
    }

    /// A user or a group: a name in quotes, a number as it is.
    static func account(_ name: String) -> String {
        name.utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains) ? name : string(name)
    }

    /// Permission bits in octal, as the keys of files take them.
    static func permissions(_ bits: UInt32) -> String {
        let digits = String(bits, radix: 8)
        return string(String(repeating: "0", count: max(0, 3 - digits.count)) + digits)
    }
}
