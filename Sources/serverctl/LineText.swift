// SPDX-License-Identifier: Apache-2.0
// Texts cut and filled up to a number of columns of the terminal.

internal import Policy

/// Lines of a terminal that have just so many columns.
enum LineText {
    /// The text, already escaped, with `…` in place of what does not fit.
    static func cut(_ text: String, to width: Int) -> String {
        guard TextWidth.of(text) > width else { return text }
        guard width > 0 else { return "" }
        var result = text
        while !result.isEmpty, TextWidth.of(result) >= width { result.unicodeScalars.removeLast() }
        return result + "…"
    }

    /// The text, already escaped, in exactly so many columns: cut, or filled up with spaces, before it for a number.
    static func fit(_ text: String, _ width: Int, isNumber: Bool = false) -> String {
        let shown = cut(text, to: width)
        let padding = String(repeating: " ", count: max(0, width - TextWidth.of(shown)))
        return isNumber ? padding + shown : shown + padding
    }
}
