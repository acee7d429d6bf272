// SPDX-License-Identifier: Apache-2.0
// Files that are not TOML: the first error, its place, its hint; and files made to break the parser.

import ServiceConfig
import Testing

@Suite("files that are not TOML")
struct SyntaxTests {
    /// The line, column and message of the only error in these bytes.
    private func error(_ bytes: [UInt8]) throws -> ConfigError {
        let file = SourceFile(path: "x.toml", contents: .success(bytes))
        let error = #expect(throws: ConfigErrors.self) {
            try Configuration(main: nil, services: [file], context: asRoot)
        }
        #expect(error?.errors.count == 1)
        return try #require(error?.errors.first)
    }

    @Test("an error of syntax has its place and its line")
    func places() throws {
        let error = try error(Array("# é\nlisten = 7\n  exec = [\"a\" \"b\"]\nnonsense".utf8))
        #expect(error.line == 3 && error.column == 15)
        #expect(error.place?.sourceLine == "  exec = [\"a\" \"b\"]")
        #expect(error.message == "expected comma or closing ']', saw '\"' (in the array)")
    }

    @Test("lines and columns are the same behind a byte order mark and with CR LF")
    func otherLineEnds() throws {
        let error = errors("\u{feff}listen = 7\r\nbuiltin = 7\r\n").first
        #expect(error?.line == 2 && error?.column == 11 && error?.place?.sourceLine == "builtin = 7")
        #expect(errors("\u{feff}lisen = 7").first?.place?.sourceLine == "lisen = 7")
    }

    @Test("letters of any language stand in texts, also where a line is continued, and nowhere else")
    func letters() throws {
        for letter in ["é", "\u{1681}", "\u{2fff}", "\u{fef1}", "大", "\u{1f600}"] {
            #expect(errors("\(letter) = 1").count == 1)
            #expect(errors("x = \(letter)").count == 1)
            let text = "listen = 7\nbuiltin = \"echo\"\ndescription = \"\"\"\\\n  \(letter)\"\"\""
            #expect(try service(text).description.unicodeScalars.last == letter.unicodeScalars.last)
        }
    }

    @Test("input that breaks an assertion of the parser is an error at the character that does")
    func brokenAssertions() {
        for (text, line, column) in [("[=", 1, 2), ("# é\n[ é", 2, 3), ("é = 1", 1, 1), ("\n\n[[ # x", 3, 4)] {
            let error = errors(text).first
            #expect(error?.line == line && error?.column == column)
        }
        #expect(errors("\n[=\nx = 1").map(\.message) == ["unexpected character"])
        #expect(errors("[[a.b]]\n[[a]]\n").isEmpty == false)
        #expect(errors("a = []\n[[a]]\n").isEmpty == false)
    }

    @Test(
        "bytes that are not UTF-8 are found",
        arguments: [[0xff], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80]] as [[UInt8]])
    func notUTF8(bytes: [UInt8]) throws {
        let error = try error(Array("listen = 7\n# é".utf8) + bytes + Array("\n".utf8))
        #expect(error.message == "the file is not UTF-8 text")
        #expect(error.line == 2 && error.column == 4)
    }

    @Test("a value without quotes gets the forms of values as a hint")
    func hints() {
        let values = "a text in quotes, a whole number, true or false, or a list in brackets"
        for value in ["127.0.0.1:79", "/run/x", "yes", "True", "fd:git", "@x"] {
            #expect(errors("listen = \(value)\n").first?.expected == values)
        }
        #expect(errors("listen 79").first?.expected == "KEY = VALUE")
        #expect(errors("listen: 79").first?.expected == "KEY = VALUE")
        #expect(errors("listen = 7\nlisten = 8").first?.message.contains("redefine") == true)
    }

    @Test(
        "keys nested without end are refused, not followed until the stack ends",
        arguments: ["", "[", "x = {", "y = \"\"\"a\"\"\"\"\nx = {", "\"é\".", "[x]\n"])
    func deepKeys(prefix: String) throws {
        let deep = prefix + String(repeating: "a.", count: 200_000) + "a"
        for text in [deep + " = 1", deep + "]", deep] {
            #expect(try error(Array(text.utf8)).message == "a key with more than 16 dots")
        }
    }

    @Test("sixteen dots are few enough, and dots in texts and comments are none")
    func allowedDots() {
        let key = String(repeating: "a.", count: 16) + "a"
        #expect(errors("\(key) = 1").contains { $0.message == "unknown key `a`" })
        #expect(errors("a.\(key) = 1").map(\.message) == ["a key with more than 16 dots"])
        let dots = String(repeating: ".", count: 100)
        #expect(echoErrors("description = \"\(dots)\\\"\(dots)\" # \(dots)") == [])
        #expect(echoErrors("description = '\(dots)'") == [])
        #expect(echoErrors("description = '''\(dots)'\(dots)'''''\n#\(dots)") == [])
        #expect(echoErrors("description = \"\"\"\(dots)\\\"\"\"\(dots)\"\"\"") == [])
    }

    @Test("values nested without end are refused")
    func deepValues() throws {
        #expect(try error(Array(("x = " + String(repeating: "[", count: 500_000)).utf8)).message.contains("depth"))
        let tables = String(repeating: "{ a = ", count: 100_000)
        #expect(try error(Array(("x = " + tables).utf8)).message.contains("depth"))
    }
}
