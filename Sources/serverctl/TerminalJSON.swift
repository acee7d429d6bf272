// SPDX-License-Identifier: Apache-2.0
// JSON as it is printed on a terminal.

internal import Policy
internal import Varlink

/// JSON that a terminal cannot be harmed by.
///
/// What a terminal must not see is written as JSON's own escapes, and so stays what it is for a program.
enum TerminalJSON {
    /// The JSON of a value, with a line end.
    static func render(_ value: some Encodable, pretty: Bool) -> String {
        text(of: JSONText.encode(value, pretty: pretty) + [UInt8(ascii: "\n")])
    }

    /// Whole characters of JSON, as they are printed.
    fileprivate static func text(of bytes: [UInt8]) -> String {
        let json = String(decoding: bytes, as: UTF8.self)
        // To the end, which is faster than to look whether to go on.
        let isPlain = bytes.reduce(true) { $0 && ($1 == UInt8(ascii: "\n") || (0x20..<0x7f).contains($1)) }
        if isPlain { return json }
        var result = ""
        for scalar in json.unicodeScalars {
            // The line ends between members are no part of a string: in strings they are escaped already.
            guard scalar != "\n", SafeText.isUnsafe(scalar) else {
                result.unicodeScalars.append(scalar)
                continue
            }
            for unit in String(scalar).utf16 {
                let digits = String(unit, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        return result
    }
}

/// The JSON of a value with a list of thousands: it is made while the elements come, and printed when it is whole.
struct TerminalJSONList {
    /// The text in parts.
    private(set) var texts: [String] = []
    private var layout: JSONLayout?
    /// What comes behind the elements.
    private let end: [UInt8]
    private var isEmpty = true

    /// The elements are to come in the place of the one empty list that `value` has.
    init(in value: some Encodable, pretty: Bool) {
        let text = JSONText.encode(value)
        let list = text.indices.first { text[$0...].starts(with: "[]".utf8) } ?? text.endIndex - 1
        layout = pretty ? JSONLayout() : nil
        end = text[(list + 1)...] + [UInt8(ascii: "\n")]
        take(Array(text[...list]))
    }

    /// Adds elements.
    mutating func append(contentsOf list: JSONList) {
        guard !list.elements.isEmpty else { return }
        if !isEmpty { take([UInt8(ascii: ",")]) }
        take(list.elements)
        isEmpty = false
    }

    /// There are no more elements: the text is whole.
    mutating func finish() { take(end) }

    private mutating func take(_ piece: [UInt8]) {
        let lines = layout?.lines(of: piece) ?? piece
        texts.append(TerminalJSON.text(of: lines))
    }
}
