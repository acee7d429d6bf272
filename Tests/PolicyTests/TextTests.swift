// SPDX-License-Identifier: Apache-2.0
// Durations as text, and text of others made safe to show.

import Policy
import Testing

@Suite("durations as text")
struct DurationTextTests {
    @Test("durations are read in every unit and added up")
    func reading() {
        let texts: [(String, Duration)] = [
            ("0s", .zero), ("1ms", .milliseconds(1)), ("500ms", .milliseconds(500)), ("30s", .seconds(30)),
            ("1min", .seconds(60)), ("2h", .seconds(7200)), ("1d", .seconds(86_400)), ("1min 30s", .seconds(90)),
            ("1min30s", .seconds(90)), ("90s", .seconds(90)), ("1s 1s", .seconds(2)), ("007s", .seconds(7)),
        ]
        for (text, duration) in texts { #expect(Duration(text: text) == duration) }
    }

    @Test(
        "what has no unit, a sign, a fraction or no end is no duration",
        arguments: [
            "", "30", "s", "-1s", "+1s", "1.5s", " 1s", "1 s", "1m", "1sec", "1S", "1s,", "٣s", "9223372036854775807d",
            "9223372036854775808s", "9223372036854775807ms 1ms",
        ])
    func notDurations(text: String) {
        #expect(Duration(text: text) == nil)
    }

    @Test("durations are printed so that they are read back")
    func printing() {
        let texts = ["0s", "1ms", "1s", "1min 30s", "1d", "1d 2h 3min 4s 5ms", "999ms"]
        for text in texts { #expect(Duration(text: text)?.text == text) }
        #expect(Duration.seconds(3600).text == "1h" && Duration.milliseconds(1500).text == "1s 500ms")
        #expect(Duration.microseconds(1999).text == "1ms")
    }
}

@Suite("text made safe to show")
struct TextTests {
    @Test("plain text of any language stays as it is")
    func plain() {
        for text in ["", "a b~", "größe 大 \u{1f600} e\u{301}", "\\n"] { #expect(SafeText.escape(text) == text) }
    }

    @Test("what moves a cursor, hides or reorders is escaped")
    func escapes() {
        #expect(SafeText.escape("a\nb\tc\rd\0\u{1b}[m\u{7f}") == "a\\x0ab\\x09c\\x0dd\\x00\\x1b[m\\x7f")
        #expect(SafeText.escape("\r\n") == "\\x0d\\x0a")
        #expect(SafeText.escape("\u{85}\u{9b}") == "\\u{85}\\u{9b}")
        #expect(
            SafeText.escape("\u{2028}\u{2029}\u{202e}\u{200b}\u{feff}")
                == "\\u{2028}\\u{2029}\\u{202e}\\u{200b}\\u{feff}")
    }

    @Test("a long text is cut")
    func limits() {
        #expect(SafeText.escape("abc", limit: 3) == "abc")
        #expect(SafeText.escape("abcd", limit: 3) == "abc…")
        #expect(SafeText.escape("", limit: 0) == "" && SafeText.escape("a", limit: 0) == "…")
        #expect(SafeText.escape("\n\n\n", limit: 2) == "\\x0a\\x0a…")
    }

    @Test("width counts columns, not characters")
    func width() {
        #expect(TextWidth.of("abc") == 3 && TextWidth.of("") == 0)
        #expect(TextWidth.of("大文") == 4 && TextWidth.of("\u{1f600}") == 2 && TextWidth.of("é") == 1)
        #expect(TextWidth.of("e\u{301}") == 1 && TextWidth.of("ｱ") == 1 && TextWidth.of("Ａ") == 2)
    }
}
