// SPDX-License-Identifier: Apache-2.0
// Mistakes of the configuration as `serverd --check` prints them: where, what, the line with a caret under the place.

internal import ManagerInterface
internal import Policy

/// The text of a mistake.
enum ConfigurationErrorText {
    /// The most columns of a line that are shown, and of those before the place itself.
    private static let shownWidth = 100
    private static let shownBefore = 70

    /// The mistake in lines, each with its end; nothing in them can harm a terminal.
    static func render(_ error: ConfigurationError) -> String {
        var lines = [headline(error)]
        if let text = error.text, let column = error.column {
            let (excerpt, offset) = excerpt(of: text, around: column)
            if !excerpt.isEmpty { lines += ["  \(excerpt)", "  \(String(repeating: " ", count: offset))^"] }
        }
        if let expected = error.expected { lines.append("  expected \(PlainText.escaping(expected))") }
        if let hint = error.hint { lines.append("  did you mean `\(PlainText.escaping(hint))`?") }
        return lines.map { $0 + "\n" }.joined()
    }

    /// Where it is and what is wrong, on one line.
    static func headline(_ error: ConfigurationError) -> String {
        let place = [error.line, error.column].compactMap(\.self).map { ":\($0)" }.joined()
        return "\(PlainText.escaping(error.file))\(place): error: \(PlainText.escaping(error.message))"
    }

    /// The part of a line around a column, escaped, and how many columns stand before the place.
    private static func excerpt(of line: String, around column: Int) -> (text: String, offset: Int) {
        let pieces = line.unicodeScalars.map { $0 == "\t" ? "    " : PlainText.escaping(String($0)) }
        guard pieces.contains(where: { $0.contains { $0 != " " } }) else { return ("", 0) }
        // The end of a line is a place too: the caret then stands behind the text.
        let target = min(max(column - 1, 0), pieces.count)
        var first = target
        var before = 0
        while first > 0, before + PlainText.width(pieces[first - 1]) <= shownBefore {
            first -= 1
            before += PlainText.width(pieces[first])
        }
        var text = first > 0 ? "…" : ""
        var width = 0
        for piece in pieces[first...] {
            width += PlainText.width(piece)
            guard width <= shownWidth else { return (text + "…", before + (first > 0 ? 1 : 0)) }
            text += piece
        }
        return (text, before + (first > 0 ? 1 : 0))
    }
}
