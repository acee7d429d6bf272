// SPDX-License-Identifier: Apache-2.0
// The text of a configuration error: where, what, the line with a caret under the place, what was expected.

internal import Policy

extension ConfigError {
    /// The most columns of a source line that are shown.
    private static let shownWidth = 100
    /// How many characters are looked at on either side of the place: some have no width.
    private static let nearby = 1000
    /// The most columns that are shown before the place itself.
    private static let shownBefore = 70

    /// The error in lines, each of which ends in a newline.
    ///
    ///     services.d/git.toml:2:1: error: unknown key `max_conections`
    ///       max_conections = 5
    ///       ^
    ///       did you mean `max_connections`?
    ///
    /// It is guaranteed that nothing in it disturbs a terminal or forges a line: whatever comes from the file or its
    /// name is escaped, a long line is cut around the place, and the caret stands under the character meant, be it
    /// behind tabs, wide characters or escapes.
    package var rendered: String {
        var lines: [String] = []
        let file = PlainText.escaping(file)
        let message = PlainText.escaping(message)
        if let place {
            lines.append("\(file):\(place.position.line):\(place.position.column): error: \(message)")
            let (text, offset) = Self.excerpt(of: place)
            if !text.isEmpty {
                lines.append("  \(text)")
                lines.append("  \(String(repeating: " ", count: offset))^")
            }
        } else {
            lines.append("\(file): error: \(message)")
        }
        if let expected { lines.append("  expected \(PlainText.escaping(expected))") }
        if let suggestion { lines.append("  did you mean `\(PlainText.escaping(suggestion))`?") }
        return lines.map { $0 + "\n" }.joined()
    }

    /// The part of the line around the place, escaped, and how many columns stand before the place.
    private static func excerpt(of place: Place) -> (text: String, offset: Int) {
        let line = place.sourceLine.unicodeScalars
        guard line.contains(where: { $0 != " " && $0 != "\t" }) else { return ("", 0) }
        // A line may be a megabyte: only what is near the place is looked at.
        let start = max(0, place.position.column - 1 - nearby)
        let from = line.index(line.startIndex, offsetBy: start, limitedBy: line.endIndex) ?? line.endIndex
        let scalars = Array(line[from...].prefix(2 * nearby))
        // The end of a line is a place too: the caret then stands behind the text.
        let target = min(max(place.position.column - 1 - start, 0), scalars.count)
        var first = target
        var before = 0
        while first > 0 {
            let width = PlainText.width(shown(scalars[first - 1]))
            if before + width > shownBefore { break }
            before += width
            first -= 1
        }
        var text = ""
        var width = 0
        var next = first
        while next < scalars.count {
            let piece = shown(scalars[next])
            width += PlainText.width(piece)
            if width > shownWidth { break }
            text += piece
            next += 1
        }
        if next < scalars.count { text += "…" }
        return first > 0 || start > 0 ? ("…" + text, before + 1) : (text, before)
    }

    /// One character as the excerpt shows it: a tab is four columns, what would not show is escaped.
    private static func shown(_ scalar: Unicode.Scalar) -> String {
        scalar == "\t" ? "    " : PlainText.escaping(String(scalar))
    }
}
