// SPDX-License-Identifier: Apache-2.0
// Tests of the reading and writing of calls.

internal import Testing
internal import Varlink

@Suite("call")
struct CallTests {
    @Test("the method is split at its last dot")
    func method() throws {
        let call = try call(#"{"method":"org.example.ftl.Jump"}"#)
        #expect(call.interface == "org.example.ftl")
        #expect(call.name == "Jump")
        #expect(call.mode == .once)
    }

    @Test("a method without a dot has no interface")
    func noInterface() throws {
        let call = try call(#"{"method":"Jump"}"#)
        #expect(call.interface.isEmpty)
        #expect(call.name == "Jump")
    }

    @Test("no parameters can be written in three ways", arguments: ["", #","parameters":null"#, #","parameters":{}"#])
    func noParameters(json: String) throws {
        let call = try call(#"{"method":"a.b.C"\#(json)}"#)
        #expect(call.parameterNames.isEmpty)
        #expect(try call.parameters() == Sample())
        #expect(throws: VarlinkError.invalidParameter("name")) { try call.parameters(as: Name.self) }
    }

    @Test("integers are exact over all 64 bits", arguments: [Int64.min, -1, 0, 1, 1 << 53 + 1, .max] as [Int64])
    func integers(number: Int64) throws {
        let call = try call(#"{"method":"a.b.C","parameters":{"number":\#(number)}}"#)
        #expect(try call.parameters(as: Sample.self).number == number)
    }

    @Test(
        "a parameter that is unknown or of the wrong type is named",
        arguments: [
            (#"{"txt":"x"}"#, "txt"), (#"{"number":"1"}"#, "number"),
            (#"{"list":["a",1]}"#, "list"), (#"{"text":{}}"#, "text"),
        ])
    func wrongParameters(json: String, name: String) throws {
        let call = try call(#"{"method":"a.b.C","parameters":\#(json)}"#)
        #expect(throws: VarlinkError.invalidParameter(name)) { try call.parameters(as: Sample.self) }
    }

    @Test("a number that is no 64-bit integer is refused", arguments: ["9223372036854775808", "1.5", "1e19"])
    func unfitNumbers(number: String) throws {
        let call = try call(#"{"method":"a.b.C","parameters":{"number":\#(number)}}"#)
        #expect(throws: VarlinkError.invalidParameter("number")) { try call.parameters(as: Sample.self) }
    }

    @Test("each flag is read, and false means absent")
    func flags() throws {
        for mode in CallMode.allCases where mode != .once {
            #expect(try call(#"{"method":"a.b.C","\#(mode.rawValue)":true}"#).mode == mode)
            #expect(try call(#"{"method":"a.b.C","\#(mode.rawValue)":false}"#).mode == .once)
        }
    }

    @Test("two flags at once are a violation")
    func contradictoryFlags() {
        for flags in [#""oneway":true,"more":true"#, #""oneway":true,"upgrade":true"#, #""more":true,"upgrade":true"#] {
            #expect(throws: ProtocolViolation.contradictoryFlags) { try call(#"{"method":"a.b.C",\#(flags)}"#) }
        }
    }

    @Test("unknown keys with a dot are ignored, others are a violation")
    func unknownKeys() throws {
        #expect(try call(#"{"method":"a.b.C","com.example.trace":{"id":[1]}}"#).method == "a.b.C")
        #expect(throws: ProtocolViolation.unknownKey("trace")) { try call(#"{"method":"a.b.C","trace":1}"#) }
    }

    @Test(
        "a key that comes twice is a violation, however it is written and wherever it stands",
        arguments: [
            #""method":"a.b.D""#, #""\u006dethod":"a.b.D""#, #""more":true,"more":true"#,
            #""parameters":{"text":"a","text":"b"}"#, #""parameters":{"text":"a","te\u0078t":"b"}"#,
            #""parameters":{"list":[{"a":{},"b":1,"a":2}]}"#,
            #""parameters":{\#((0..<40).map { #""k\#($0)":0"# }.joined(separator: ",")),"k7":1}"#,
        ])
    func duplicateKeys(json: String) {
        #expect(throws: ProtocolViolation.duplicateKey) { try call(#"{"method":"a.b.C",\#(json)}"#) }
    }

    @Test(
        "separators stand where JSON has them, or it is a violation",
        arguments: [
            #"{"method":"a.b.C",}"#, #"{,"method":"a.b.C"}"#, #"{"method":"a.b.C","parameters":{"text":"a",}}"#,
            #"{"method":"a.b.C","parameters":{"list":["a",]}}"#, #"{"method":"a.b.C","parameters":{"list":[,"a"]}}"#,
            #"{"method":"a.b.C","parameters":{"list":["a" "b"]}}"#, #"{"method":"a.b.C" "more":true}"#,
            #"{"method":"a.b.C","parameters":{"text"}}"#, #"{"method":"a.b.C","parameters":{"text":}}"#,
            #"{"method":"a.b.C","parameters":{"list":["a"}]}"#, #"{"method":"a.b.C","parameters":{1:"a"}}"#,
            #"{"method":"a.b.C"},"#, #"{"method":"a.b.C","parameters":{"te\ud800xt":"a"}}"#,
        ])
    func separators(json: String) {
        let violation = #expect(throws: ProtocolViolation.self) { try call(json) }
        guard case .notJSON = violation else { return #expect(Bool(false), "\(String(describing: violation))") }
    }

    @Test("objects may have the same keys as others, and the same strings as values")
    func sameKeysElsewhere() throws {
        let json =
            #"{"method":"a.b.C","a.b":{"k":"k","l":{"k":"k"}},"a.c":[{"k":1},{"k":1}, [ ] , {}],"a.d":{"k":"k"}}"#
        #expect(try call(json).method == "a.b.C")
    }

    @Test("colons and brackets inside strings and parameters are not counted")
    func punctuationInStrings() throws {
        let call = try call(#"{"method":"a.b.C","parameters":{"text":"}:\"{:[\\","list":["a:b"]}}"#)
        #expect(try call.parameters(as: Sample.self).text == #"}:"{:[\"#)
    }

    @Test(
        "what is not a JSON object is a violation",
        arguments: [
            "", " ", "[]", "null", "1", #""method""#, "{", "}", "{}}", #"{"method":"a.b.C"} {}"#,

            #"{"method":"a.b.C""#, #"{'method':'a.b.C'}"#, #"{"method":1}"#, #"{"method":null}"#, "{}",
            #"{"method":"a.b.C","more":1}"#, #"{"method":"a.b.C","parameters":[]}"#, "\u{feff}{\"method\":\"a.b.C\"}",
            #"{"method":"a.b.C","parameters":"x"}"#, #"{"method":"\ud800"}"#, "GET / HTTP/1.1\r\n\r\n",
        ])
    func garbage(json: String) {
        #expect(throws: ProtocolViolation.self) { try call(json) }
    }

    @Test("what is not UTF-8 is a violation, even where nobody looks")
    func notUTF8() {
        let bytes = Array(#"{"method":"a.b.C","a.b":""#.utf8) + [0xff] + Array(#""}"#.utf8)
        #expect(throws: ProtocolViolation.notUTF8) { try Call(message: bytes) }
    }

    @Test("nesting is limited before the parser recurses", arguments: [-1, 0, 1, 400_000])
    func depth(excess: Int) throws {
        // The message and its parameters are two levels.
        let depth = 64 - 2 + excess
        let nested = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        let json = #"{"method":"a.b.C","parameters":{"list":\#(nested)}}"#
        if excess <= 0 {
            #expect(try call(json).parameterNames == ["list"])
        } else {
            #expect(throws: ProtocolViolation.nestedTooDeeply(limit: 64)) { try call(json) }
        }
    }

    @Test("a written call is read as what it was", arguments: CallMode.allCases)
    func roundTrip(mode: CallMode) throws {
        let sample = Sample(text: "NUL \0, quote \", line\n, ü", number: .max, list: [])
        let bytes = Call.encode("a.b.C", sample, mode: mode)
        #expect(bytes.firstIndex(of: 0) == bytes.count - 1)
        let call = try #require(try calls(in: bytes).first)
        #expect(call.method == "a.b.C")
        #expect(call.mode == mode)
        #expect(try call.parameters() == sample)
    }

    @Test("a written call has only the keys that are needed")
    func encoding() {
        #expect(text(Call.encode("a.b.C", NoFields())) == #"{"method":"a.b.C"}␀"#)
        #expect(
            text(Call.encode("a.b.C", Name(name: "/x"), mode: .more))
                == #"{"method":"a.b.C","more":true,"parameters":{"name":"/x"}}␀"#)
    }
}
