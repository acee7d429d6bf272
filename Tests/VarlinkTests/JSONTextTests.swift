// SPDX-License-Identifier: Apache-2.0
// Tests of the writing of JSON, on one line and on many, and of reading it again.

internal import Testing

@testable internal import Varlink

@Suite("JSON text")
struct JSONTextTests {
    private struct Unordered: Codable, Equatable {
        var b = 1
        var a: [String: Int64] = ["z": .max, "y": .min]
        var aa: UInt64 = .max
        var B = [true, false]
        var none: Int?
        var half = 0.5
        var whole = 2.0
        var inner = Inner()

        struct Inner: Codable, Equatable {
            var two: [Int] = []
            var one: [String: Int] = [:]
        }
    }

    private func json(_ value: some Encodable, pretty: Bool = false) -> String {
        String(decoding: JSONText.encode(value, pretty: pretty), as: UTF8.self)
    }

    @Test("keys are sorted by their bytes in every object, and what is nil is left out")
    func order() {
        #expect(
            json(Unordered())
                == #"{"B":[true,false],"a":{"y":-9223372036854775808,"z":9223372036854775807},"aa":18446744073709551615,"#
                + #""b":1,"half":0.5,"inner":{"one":{},"two":[]},"whole":2}"#)
    }

    @Test("on many lines members and elements have one each, and what is empty has an empty line")
    func lines() {
        #expect(
            json(Unordered.Inner(two: [1, 2], one: ["a:[{\"": 1]), pretty: true) == #"""
                {
                  "one" : {
                    "a:[{\"" : 1
                  },
                  "two" : [
                    1,
                    2
                  ]
                }
                """#)
        #expect(json(Unordered.Inner(), pretty: true) == "{\n  \"one\" : {\n\n  },\n  \"two\" : [\n\n  ]\n}")
    }

    @Test("what JSON must escape is escaped, and nothing else")
    func escapes() {
        #expect(
            json("\0\u{1}\u{1f}\u{8}\u{c}\n\r\t\"\\/\u{7f}é\u{2028}😀")
                == #""\u0000\u0001\u001f\b\f\n\r\t\"\\/\#u{7f}é\#u{2028}😀""#)
    }

    @Test("what is written is read again")
    func roundTrip() throws {
        #expect(try JSONText.decode([UInt].self, from: JSONText.encode([UInt.max, 0])) == [UInt.max, 0])
        #expect(try JSONText.decode([Int8].self, from: JSONText.encode([Int8.min, 1])) == [Int8.min, 1])
        #expect(try JSONText.decode([UInt16].self, from: JSONText.encode([UInt16.max])) == [UInt16.max])
        #expect(try JSONText.decode(Unordered.self, from: JSONText.encode(Unordered())) == Unordered())
        let any: JSONValue = .object([
            "id": .unsigned(.max),
            "a": .array([.null, .bool(true), .integer(-1), .number(0.25), .string("\u{0}é"), .array([])]),
            "": .object([:]),
        ])
        #expect(try JSONText.decode(JSONValue.self, from: JSONText.encode(any)) == any)
        #expect(try JSONText.decode(JSONValue.self, from: JSONText.encode(any, pretty: true)) == any)
    }

    @Test(
        "a list that is passed on is the bytes that came, or the same values if there were spaces",
        arguments: [
            (#"[1e2,"é\"\u0041",{"b":null,"a":[]}]"#, #"[1e2,"é\"\u0041",{"b":null,"a":[]}]"#),
            (#"["text"]"#, #"["text"]"#), ("[]", "[]"),
            ("[ {\"b\" :\n true,\t\"a\": \" \"} ]", #"[{"a":" ","b":true}]"#),
        ])
    func lists(_ text: String, _ written: String) throws {
        let list = try JSONText.decode(JSONList.self, from: Array(text.utf8))
        #expect(String(decoding: JSONText.encode(list), as: UTF8.self) == written)
        #expect("[" + String(decoding: list.elements, as: UTF8.self) + "]" == written)
        let members = ["a": list, "b": JSONList()]
        #expect(String(decoding: JSONText.encode(members), as: UTF8.self) == "{\"a\":\(written),\"b\":[]}")
    }

    @Test("what is no list is passed on by none", arguments: ["null", "{}", "\"[]\"", "1"])
    func noList(text: String) {
        #expect(throws: DecodingError.self) { try JSONText.decode(JSONList.self, from: Array(text.utf8)) }
    }

    @Test("a text that is laid out in two pieces looks as it does in one, wherever it is cut between two values")
    func pieces() {
        let text = Array(#"{"a":[{},[],{"b":"],{[\\\"","c":[[1,2]]}],"d":{"e":null,"f":{}}}"#.utf8)
        var whole = JSONLayout()
        let expected = String(decoding: whole.lines(of: text), as: UTF8.self)
        let cuts = text.indices.filter { "{}[],".utf8.contains(text[$0]) }.map { $0 + 1 }
        for cut in cuts where !text[..<cut].isInString {
            var layout = JSONLayout()
            let lines = layout.lines(of: Array(text[..<cut])) + layout.lines(of: Array(text[cut...]))
            #expect(String(decoding: lines, as: UTF8.self) == expected)
        }
    }

    @Test(
        "escaped text is read as what it stands for",
        arguments: [
            (#""\u00e9\ud83d\ude00\/\b""#, "é😀/\u{8}"), (#""\uD83D\uDE00""#, "😀"), (#""""#, ""),
            (#""\uffff""#, "\u{ffff}"),
        ])
    func escaped(text: String, meaning: String) throws {
        #expect(try JSONText.decode(String.self, from: Array(text.utf8)) == meaning)
    }

    @Test(
        "what is not JSON is not read",
        arguments: [
            "01", "-", "+1", ".5", "1.", "1e", "0x1", "tru", "nul", "Infinity", "'a'", #""\x""#, #""\u12g4""#,
            #""\ud800""#,
            #""\ud800\u0041""#, #""\udc00""#, "\"\n\"", "[1,]", "[1 2]", "{\"a\"}", "1 1", "", #""a"#, #""\"#,
            #""\u12"#,
        ])
    func notJSON(text: String) {
        #expect(throws: DecodingError.self) { try JSONText.decode(JSONValue.self, from: Array(text.utf8)) }
    }

    @Test("an integer is exact however it is written, or refused")
    func integers() throws {
        for (text, number) in [("1e2", 100), ("1.0", 1), ("-0", 0), ("12.5e1", 125)] as [(String, Int32)] {
            #expect(try JSONText.decode(Int32.self, from: Array(text.utf8)) == number)
        }
        for text in ["2147483648", "-2147483649", "0.5", "1e400", "null", "true"] {
            #expect(throws: DecodingError.self) { try JSONText.decode(Int32.self, from: Array(text.utf8)) }
        }
        #expect(throws: DecodingError.self) { try JSONText.decode(UInt64.self, from: Array("-1".utf8)) }
    }

    @Test("of a value that is wrong the way to it is told")
    func paths() {
        let text = #"{"B":[true,1],"a":{},"aa":0,"b":0,"half":0,"inner":{"one":{},"two":[]},"whole":0}"#
        let error = #expect(throws: DecodingError.self) { try JSONText.decode(Unordered.self, from: Array(text.utf8)) }
        #expect(error?.path == ["B", "Index 1"])
        let missing = #expect(throws: DecodingError.self) {
            try JSONText.decode(Unordered.self, from: Array("{}".utf8))
        }
        #expect(missing?.path.count == 1)
    }
}

extension ArraySlice<UInt8> {
    /// Whether a JSON text that begins so ends within a string.
    fileprivate var isInString: Bool {
        var isInString = false
        var isEscaped = false
        for byte in self {
            if byte == UInt8(ascii: "\""), !isEscaped { isInString.toggle() }
            isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
        }
        return isInString
    }
}
