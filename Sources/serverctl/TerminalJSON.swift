// SPDX-License-Identifier: Apache-2.0
// JSON as it is printed on a terminal.

internal import Policy
internal import Varlink

/// JSON that a terminal cannot be harmed by.
enum TerminalJSON {
    /// The JSON of a value, with a line end.
    ///
    /// What a terminal must not see is written as JSON's own escapes, and so stays what it is for a program.
    static func render(_ value: some Encodable, pretty: Bool) -> String {
        var bytes = JSONText.encode(value, pretty: pretty)
        bytes.append(UInt8(ascii: "\n"))
        let json = String(decoding: bytes, as: UTF8.self)
        guard bytes.contains(where: { $0 != UInt8(ascii: "\n") && !(0x20..<0x7f).contains($0) }) else {
            return json
        }
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
