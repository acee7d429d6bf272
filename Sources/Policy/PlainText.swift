// SPDX-License-Identifier: Apache-2.0
// Makes text of unknown origin safe to show in one line: nothing in it moves a cursor, hides or reorders text.

/// The escaping of text that others chose and people will read.
package enum PlainText {
    /// `text` on one line: control characters (C0, DEL, C1), line and paragraph separators, and invisible format
    /// characters such as the bidirectional overrides are written `\n`, `\t`, `\xNN` or `\u{NNNN}`.
    package static func escaping(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars { append(scalar, to: &result) }
        return result
    }

    /// As ``escaping(_:)``, cut to `limit` characters of the original with `…` in place of the rest.
    package static func escaping(_ text: String, limit: Int) -> String {
        let start = text.unicodeScalars.prefix(limit)
        let shown = escaping(String(start))
        return start.endIndex == text.unicodeScalars.endIndex ? shown : shown + "…"
    }

    /// How many columns of a terminal `text`, already escaped, takes: East Asian wide characters and emoji two, marks
    /// that combine with the character before them none.
    package static func width(_ text: String) -> Int {
        text.unicodeScalars.reduce(0) { $0 + width($1) }
    }

    private static func append(_ scalar: Unicode.Scalar, to text: inout String) {
        switch (scalar, scalar.properties.generalCategory) {
        case ("\n", _): text += "\\n"
        case ("\t", _): text += "\\t"
        case (_, .control):
            let code = String(scalar.value, radix: 16)
            text += scalar.value < 0x80 ? "\\x\(code.count < 2 ? "0" : "")\(code)" : "\\u{\(code)}"
        case (_, .format), (_, .lineSeparator), (_, .paragraphSeparator):
            text += "\\u{\(String(scalar.value, radix: 16))}"
        default: text.unicodeScalars.append(scalar)
        }
    }

    private static func width(_ scalar: Unicode.Scalar) -> Int {
        if scalar.isASCII { return 1 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark: return 0
        default: return wide.contains { $0.contains(scalar.value) } ? 2 : 1
        }
    }

    /// The blocks of Unicode's East Asian Width "wide" and "fullwidth".
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f,
        0xff00...0xff60, 0xffe0...0xffe6, 0x1f300...0x1f64f, 0x1f680...0x1f6ff, 0x1f900...0x1f9ff, 0x20000...0x3fffd,
    ]
}
