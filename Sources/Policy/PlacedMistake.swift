// SPDX-License-Identifier: Apache-2.0
// The text of a mistake in a file: where, what, the line with a caret under the place, what was expected.

/// A mistake in a file, as a person is told of it.
///
///     services.d/git.toml:2:1: error: unknown key `max_conections`
///       max_conections = 5
///       ^
///       did you mean `max_connections`?
///
/// It is guaranteed that nothing in its text disturbs a terminal or forges a line: whatever it was made of is escaped, a
/// long line is cut around the place, and the caret stands under the character meant, be it behind tabs, wide characters
/// or escapes.
package struct PlacedMistake: Sendable {
    /// The most columns of a line that are shown.
    private static let shownWidth = 100
    /// The most columns that are shown before the place itself.
    private static let shownBefore = 70
    /// How many characters are looked at on either side of the place: some have no width.
    private static let nearby = 1000

    /// The file.
    package var file: String
    /// The line and the column, from 1; nil when they are not known.
    package var line: Int?
    package var column: Int?
    /// What is wrong.
    package var message: String
    /// The whole line, without its end.
    package var text: String?
    /// What was expected there.
    package var expected: String?
    /// What was probably meant.
    package var suggestion: String?

    /// A mistake of a file.
    package init(file: String, message: String) {
        self.file = file
        self.message = message
    }

    /// Where it is and what is wrong, on one line without its end.
    package var headline: String {
        let place = [line, column].compactMap(\.self).map { ":\($0)" }.joined()
        return "\(SafeText.escape(file))\(place): error: \(SafeText.escape(message))"
    }

    /// All of it, in lines, each of which ends in a newline.
    package var rendered: String {
        var lines = [headline]
        if let text, let column {
            let (excerpt, offset) = Self.excerpt(of: text, around: column)
            if !excerpt.isEmpty { lines += ["  \(excerpt)", "  \(String(repeating: " ", count: offset))^"] }
        }
        if let expected { lines.append("  expected \(SafeText.escape(expected))") }
        if let suggestion { lines.append("  did you mean `\(SafeText.escape(suggestion))`?") }
        return lines.map { $0 + "\n" }.joined()
    }

    /// The part of the line around the place, escaped, and how many columns stand before the place.
    private static func excerpt(of text: String, around column: Int) -> (text: String, offset: Int) {
        let line = text.unicodeScalars
        guard line.contains(where: { $0 != " " && $0 != "\t" }) else { return ("", 0) }
        // A line may be a megabyte: only what is near the place is looked at.
        let column = max(1, column)
        let start = max(0, column - 1 - nearby)
        let from = line.index(line.startIndex, offsetBy: start, limitedBy: line.endIndex) ?? line.endIndex
        let pieces = line[from...].prefix(2 * nearby).map(shown)
        // The end of a line is a place too: the caret then stands behind the text.
        let target = min(max(column - 1 - start, 0), pieces.count)
        var first = target
        var before = 0
        while first > 0, before + TextWidth.of(pieces[first - 1]) <= shownBefore {
            first -= 1
            before += TextWidth.of(pieces[first])
        }
        let isCut = first > 0 || start > 0
        var excerpt = isCut ? "…" : ""
        var width = 0
        for piece in pieces[first...] {
            width += TextWidth.of(piece)
            guard width <= shownWidth else {
                excerpt += "…"
                break
            }
            excerpt += piece
        }
        return (excerpt, before + (isCut ? 1 : 0))
    }

    /// One character as the excerpt shows it: a tab is four columns, what would not show is escaped.
    private static func shown(_ scalar: Unicode.Scalar) -> String {
        scalar == "\t" ? "    " : SafeText.escape(String(scalar))
    }
}
