// SPDX-License-Identifier: Apache-2.0
// What log lines look like, whoever chose their text.

import Daemon
import Foundation
import Logging
import Policy
import Testing

@Suite("Log formats")
struct LogFormatTests {
    private let time = LogTime(seconds: 1_136_214_245, nanoseconds: 7_999_999)
    private let file = LogFormat.human(terminal: false, colour: false)

    private func line(_ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata = [:]) -> LogLine {
        LogLine(level, message, metadata: metadata, time: time)
    }

    @Test("a line for people has the time, the level, the message and the keys")
    func human() throws {
        let lines = try written(
            file, line(.info, "connection accepted", ["peer": "192.0.2.1:7", "service": "git"]),
            line(.critical, "stopped"))
        #expect(
            lines == [
                "2006-01-02T15:04:05.007Z info     connection accepted service=git peer=192.0.2.1:7",
                "2006-01-02T15:04:05.007Z critical stopped",
            ])
    }

    @Test("on a terminal the time is short, and a colour never stands for the level's word")
    func terminal() throws {
        let plain = try written(.human(terminal: true, colour: false), line(.warning, "slow"))
        let coloured = try written(
            .human(terminal: true, colour: true), line(.warning, "slow"), line(.info, "fine"))
        #expect(plain[0].wholeMatch(of: #/\d\d:\d\d:05\.007 warning  slow/#) != nil)
        #expect(coloured[0].hasSuffix("05.007 \u{1b}[33mwarning\u{1b}[0m  slow"))
        #expect(coloured[1].hasSuffix("05.007 info     fine"))
    }

    @Test(
        "under systemd a line begins with its priority",
        arguments: [
            (Logger.Level.trace, 7), (.debug, 7), (.info, 6), (.notice, 5), (.warning, 4), (.error, 3), (.critical, 2),
        ])
    func prefixed(level: Logger.Level, priority: Int) throws {
        #expect(try written(.prefixed, line(level, "text", ["errno": "EIO"])) == ["<\(priority)>text errno=EIO"])
    }

    @Test("of all ASCII characters the printable ones alone stand in a line as they are")
    func controls() throws {
        for code in UInt8.min..<0x80 {
            let text = String(UnicodeScalar(code))
            let shown = try written(.prefixed, line(.info, "x" + text + "y"))[0]
            let isQuoted = text == "=" || text == "\""
            let isPrintable = (0x20..<0x7f).contains(code) && !isQuoted
            #expect((shown == "<6>x\(text)y") == isPrintable, "\(code)")
            #expect(shown.utf8.allSatisfy { (0x20..<0x7f).contains($0) }, "\(code)")
        }
    }

    @Test("a JSON line is an object, with numbers for integers and without a key twice")
    func json() throws {
        let metadata: Logger.Metadata = [
            "service": "a \"b\" \\ c", "pid": .stringConvertible(42), "message": "mine", "ok": .stringConvertible(true),
            "list": ["x", "y\n"],
        ]
        let lines = try written(.json, line(.error, "tab\there é", metadata))
        #expect(
            lines == [
                #"{"time":"2006-01-02T15:04:05.007Z","level":"error","message":"tab\\x09here é","#
                    + #""service":"a \"b\" \\ c","pid":42,"list":"[\"x\", \"y\\n\"]","message_":"mine","ok":"true"}"#
            ])
        let object = try JSONSerialization.jsonObject(with: Data(lines[0].utf8)) as? [String: Any]
        #expect(object?["service"] as? String == #"a "b" \ c"#)
        #expect(object?["pid"] as? Int == 42)
    }

    @Test("the well-known keys come first, in their order, then the others by name; the event's own value wins")
    func keyOrder() throws {
        let keys = [
            "zebra", "errno", "duration_ms", "apple", "signal", "exit_code", "pid", "peer", "connection", "service",
        ]
        let metadata = Logger.Metadata(uniqueKeysWithValues: keys.map { ($0, "1") })
        let event = LogLine(.info, "m", metadata: metadata, context: ["service": "0", "middle": "2"], time: time)
        #expect(
            try written(.prefixed, event) == [
                "<6>m service=1 connection=1 peer=1 pid=1 exit_code=1 signal=1 duration_ms=1 errno=1 apple=1 middle=2 zebra=1"
            ])
    }

    @Test("a value or a message that could be read as keys stands in quotes")
    func quotes() throws {
        let lines = try written(
            .prefixed, line(.info, "m", ["a": "", "b": "x y", "c": "k=v", "d": #"say "hi" \"#, "e": #"C:\x"#]),
            line(.info, "hello service=git"), line(.info, #"end" service=git"#), line(.info, "plain words"))
        #expect(
            lines == [
                #"<6>m a="" b="x y" c="k=v" d="say \"hi\" \\" e=C:\x"#, #"<6>"hello service=git""#,
                #"<6>"end\" service=git""#, "<6>plain words",
            ])
    }
}

@Suite("Log lines with hostile text")
struct HostileLogTextTests {
    private static let formats: [LogFormat] = [.human(terminal: false, colour: false), .prefixed, .json]
    private static let attacks = [
        "a\nb", "\n<0>panic", "<0>panic", "\r\n<3>x", "a\u{0}b", "\u{1b}[2J\u{1b}]0;title\u{7}", "\u{7f}\u{8}",
        "\u{85}\u{9b}31m",
        "\u{2028}\u{2029}", "\u{202e}txt.exe\u{2066}", "\u{feff}\u{200b}", "\u{fffd}", "x service=admin",
        "\" service=admin",
        "\\\" service=admin", "\\", "", " ", "{\"level\":\"critical\"}",
    ]

    @Test("no text adds a line or a priority, or reaches the terminal unescaped", arguments: formats, attacks)
    func harmless(format: LogFormat, attack: String) throws {
        let lines = try written(
            format, LogLine(.info, attack, metadata: ["service": "real", "peer": .string(attack)]),
            LogLine(.info, "next"))
        #expect(lines.count == 2)
        for line in lines {
            #expect(!line.unicodeScalars.contains(where: SafeText.isUnsafe))
            switch format {
            case .human: #expect(line.wholeMatch(of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info     .*/#) != nil)
            case .prefixed: #expect(line.hasPrefix("<6>"))
            case .json: #expect(try JSONSerialization.jsonObject(with: Data(line.utf8)) is [String: Any])
            }
        }
        #expect(lines[1].contains("next"))
    }

    @Test("a forged key is always inside quotes", arguments: attacks)
    func forgedKeys(attack: String) throws {
        let line = try written(.prefixed, LogLine(.info, attack, metadata: ["peer": .string(attack)]))[0]
        var unquoted = ""
        var isQuoted = false
        var isEscaped = false
        for character in line {
            if !isQuoted { unquoted.append(character) }
            if isEscaped {
                isEscaped = false
            } else if character == "\"" {
                isQuoted.toggle()
            } else if isQuoted, character == "\\" {
                isEscaped = true
            }
        }
        #expect(!isQuoted)
        #expect(!unquoted.contains("service="))
        #expect(unquoted.split(separator: "peer=").count <= 2)
    }

    @Test("bytes that are not UTF-8 stay visible when they were made safe before")
    func invalidBytes() throws {
        let bytes: [UInt8] = [0x61, 0xff, 0xc3, 0x28, 0xe2, 0x82, 0x0a, 0xed, 0xa0, 0x80, 0x62]
        let lines = try written(.prefixed, LogLine(.info, SafeText.escape(bytes)))
        #expect(lines == [#"<6>a\xff\xc3(\xe2\x82\x0a\xed\xa0\x80b"#])
    }

    @Test("a message is split when it is longer than the limit, and nothing of it is lost")
    func split() throws {
        for (length, count) in [(2047, 1), (2048, 1), (2049, 2), (4096, 2), (4097, 3)] {
            let message = String(
                (0..<length).map { "abcdefghij"[String.Index(utf16Offset: $0 % 10, in: "abcdefghij")] })
            let lines = try written(.prefixed, LogLine(.info, message, metadata: ["service": "x"]))
            #expect(lines.count == count)
            #expect(lines.allSatisfy { $0.hasPrefix("<6>") && $0.hasSuffix(" service=x") && $0.utf8.count <= 2061 })
            #expect(lines.map { $0.dropFirst(3).dropLast(10) }.joined() == message)
        }
    }

    @Test("an endless line comes out in pieces of whole characters")
    func endless() throws {
        let message = String(repeating: "é€😀", count: 100_000)
        let lines = try written(.prefixed, LogLine(.info, message))
        #expect(lines.map { $0.dropFirst(3) }.joined() == message)
        #expect(lines.allSatisfy { (2045...2051).contains($0.utf8.count) || $0 == lines.last })
    }

    @Test("a value is cut when it is longer than the limit")
    func cut() throws {
        for (length, expected) in [(2047, "x" * 2047), (2048, "x" * 2048), (2049, "x" * 2045 + "…")] {
            let lines = try written(.prefixed, LogLine(.info, "m", metadata: ["peer": .string("x" * length)]))
            #expect(lines == ["<6>m peer=" + expected])
        }
        for hostile in ["\u{1b}" * 4000, "\u{1b}" * 1000, "😀" * 600] {
            let line = try written(.prefixed, LogLine(.info, "m", metadata: ["peer": .string(hostile)]))[0]
            #expect((2040...2058).contains(line.utf8.count))
            #expect(line.hasSuffix("…"))
        }
    }
}

private func * (text: String, count: Int) -> String { String(repeating: text, count: count) }
