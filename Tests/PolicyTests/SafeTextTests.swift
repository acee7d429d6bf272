// SPDX-License-Identifier: Apache-2.0
// Tests of the making harmless of text from outside.

internal import Policy
internal import Testing

@Suite("safe text")
struct SafeTextTests {
    @Test(
        "text that can be shown is not changed",
        arguments: ["", "plain", "Grüße, 世界", #"C:\x1b"#, "a b", "👍", "e\u{301}"])
    func harmless(text: String) {
        #expect(SafeText.escape(text) == text)
        #expect(SafeText.escape(text.utf8) == text)
    }

    @Test(
        "what moves a cursor, ends a line, turns or hides text is shown as an escape",
        arguments: [
            ("\u{1b}[31mred", #"\x1b[31mred"#), ("a\nb\r\tc\0", #"a\x0ab\x0d\x09c\x00"#), ("\u{7f}", #"\x7f"#),
            ("\u{9b}31m", #"\u{9b}31m"#), ("\u{85}", #"\u{85}"#), ("\u{2028}\u{2029}", #"\u{2028}\u{2029}"#),
            ("\u{202e}txt.exe", #"\u{202e}txt.exe"#), ("\u{2066}\u{200f}", #"\u{2066}\u{200f}"#),
            ("a\u{200b}b\u{feff}", #"a\u{200b}b\u{feff}"#), ("\u{e0041}", #"\u{e0041}"#),
        ])
    func harmful(text: String, shown: String) {
        #expect(SafeText.escape(text) == shown)
        #expect(SafeText.escape(text.utf8) == shown)
    }

    @Test(
        "bytes that are not UTF-8 are escaped one by one, and what follows them is not lost",
        arguments: [
            ([0x61, 0xff, 0x62], #"a\xffb"#), ([0xc3], #"\xc3"#), ([0xc3, 0x41], #"\xc3A"#),
            ([0xc0, 0x80], #"\xc0\x80"#), ([0xed, 0xa0, 0x80], #"\xed\xa0\x80"#),
            ([0xe4, 0xb8, 0xe4, 0xb8, 0x96], #"\xe4\xb8世"#), ([0x9b], #"\x9b"#),
            ([0xf4, 0x90, 0x80, 0x80], #"\xf4\x90\x80\x80"#),
        ] as [([UInt8], String)])
    func invalid(bytes: [UInt8], shown: String) {
        #expect(SafeText.escape(bytes) == shown)
    }

    @Test("making text safe twice is making it safe once")
    func idempotent() {
        let once = SafeText.escape([0x1b, 0xff, 0x5c, 0xc2, 0x85] as [UInt8])
        #expect(SafeText.escape(once) == once)
    }

    @Test("nothing unsafe is left, whatever the bytes")
    func exhaustive() {
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max {
                let shown = SafeText.escape([first, second, 0x80, 0x8f])
                #expect(!shown.unicodeScalars.contains(where: SafeText.isUnsafe))
            }
        }
    }
}
