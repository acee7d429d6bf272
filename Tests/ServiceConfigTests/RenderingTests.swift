// SPDX-License-Identifier: Apache-2.0
// The shape of an error's text: the caret's place, escapes, and the width of what is shown.

import Policy
import ServiceConfig
import Testing

@Suite("rendering of errors")
struct RenderingTests {
    /// The lines of an error at `column` of `sourceLine`.
    private func lines(_ sourceLine: String, column: Int) -> [String] {
        let place = ConfigError.Place(position: SourcePosition(line: 3, column: column), sourceLine: sourceLine)
        let error = ConfigError(file: "x.toml", place: place, message: "wrong")
        return error.rendered.split(separator: "\n").map(String.init)
    }

    /// The column of the caret, counted from the start of the shown line.
    private func caret(_ sourceLine: String, column: Int) -> Int? {
        lines(sourceLine, column: column).last.map { $0.count - 3 }
    }

    @Test("the caret stands under the column, behind tabs, wide characters, marks and escapes")
    func caretColumn() {
        #expect(caret("abc", column: 1) == 0)
        #expect(caret("abc", column: 3) == 2)
        #expect(caret("\t\tabc", column: 3) == 8)
        #expect(caret("大大x", column: 3) == 4)
        #expect(caret("e\u{301}x", column: 3) == 1)
        #expect(caret("\u{1b}x", column: 2) == 4)
        #expect(lines("\tx = 大", column: 6) == ["x.toml:3:6: error: wrong", "      x = 大", "          ^"])
    }

    @Test("a place behind the end of the line has its caret there; an empty line is not shown")
    func ends() {
        #expect(caret("abc", column: 4) == 3)
        #expect(caret("abc", column: 400) == 3)
        #expect(lines("", column: 1) == ["x.toml:3:1: error: wrong"])
        #expect(lines(" \t ", column: 1) == ["x.toml:3:1: error: wrong"])
    }

    @Test("a long line is cut around the place", arguments: [1, 50, 100, 101, 5000, 9999, 10_000])
    func longLines(column: Int) throws {
        var text = [Character](repeating: "a", count: 10_000)
        text[column - 1] = "B"
        let shown = lines(String(text), column: column)
        try #require(shown.count == 3)
        #expect(TextWidth.of(shown[1]) <= 104)
        let offset = shown[2].count - 1
        #expect(Array(shown[1])[offset] == "B")
        #expect(shown[1].contains("…"))
    }

    @Test("the widest line that is shown whole has 100 columns")
    func widest() {
        for width in [99, 100] { #expect(!lines(String(repeating: "a", count: width), column: 1)[1].contains("…")) }
        #expect(lines(String(repeating: "a", count: 101), column: 1)[1].hasSuffix("…"))
    }

    @Test("nothing from a file reaches the terminal unescaped")
    func escapes() {
        let bad = "a\u{1b}[2J\r\n\u{9b}\u{202e}\u{2028}\0"
        let place = ConfigError.Place(position: SourcePosition(line: 1, column: 2), sourceLine: bad)
        let error = ConfigError(file: bad, place: place, message: bad, expected: bad, suggestion: bad)
        let scalars = error.rendered.unicodeScalars
        let isSafe = { (scalar: Unicode.Scalar) in
            ![.control, .format, .lineSeparator, .paragraphSeparator].contains(scalar.properties.generalCategory)
        }
        #expect(scalars.allSatisfy { $0 == "\n" || isSafe($0) })
        #expect(error.rendered.split(separator: "\n").count == 5)
    }

    @Test("an error without a place names the file alone")
    func withoutPlace() {
        let error = ConfigError(file: "x.toml", place: nil, message: "is a directory", expected: "a regular file")
        #expect(error.rendered == "x.toml: error: is a directory\n  expected a regular file\n")
    }
}
