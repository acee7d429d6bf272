// SPDX-License-Identifier: Apache-2.0
// Tests of the two ends of a connection: streams of calls, and the replies to them.

internal import Testing
internal import Varlink

@Suite("server session")
struct ServerSessionTests {
    @Test("calls come out one by one when the bytes come in one by one")
    func oneByte() throws {
        var session = ServerSession()
        var methods: [String] = []
        for byte in message(#"{"method":"a.b.C"}"#) + message(#"{"method":"a.b.D"}"#) {
            session.receive([byte])
            while let call = try session.nextCall() { methods.append(call.method) }
        }
        #expect(methods == ["a.b.C", "a.b.D"])
    }

    @Test("a call of 1 MiB passes, one byte more does not", arguments: [-1, 0, 1])
    func limit(excess: Int) throws {
        let json = #"{"method":"a.b.C"}"#
        let padding = String(repeating: " ", count: (1 << 20) + excess - json.utf8.count)
        var session = ServerSession()
        session.receive(message(json + padding))
        if excess <= 0 {
            #expect(try session.nextCall()?.method == "a.b.C")
        } else {
            #expect(throws: ProtocolViolation.messageTooLong(limit: 1 << 20)) { try session.nextCall() }
        }
    }

    @Test("an empty message is a violation, not an endless loop")
    func nuls() {
        var session = ServerSession()
        session.receive([0, 0, 0])
        #expect(throws: ProtocolViolation.notAnObject) { try session.nextCall() }
    }

    @Test("what follows a call that upgrades the connection is left alone")
    func upgrade() throws {
        var session = ServerSession()
        session.receive(message(#"{"method":"a.b.C","upgrade":true}"#) + Array("SSH-2.0\0".utf8))
        #expect(try session.nextCall()?.mode == .upgrade)
        #expect(Array(session.unconsumed) == Array("SSH-2.0\0".utf8))
    }
}

@Suite("client session")
struct ClientSessionTests {
    @Test("replies come in the order of the calls, and oneway calls have none")
    func order() throws {
        var session = ClientSession()
        for mode in [CallMode.once, .oneway, .more, .once] { _ = session.call("a.b.C", NoFields(), mode: mode) }
        session.receive(Reply.encode(Name(name: "1")))
        session.receive(Reply.encode(Name(name: "2"), continues: true))
        session.receive(Reply.encode(Name(name: "3")))
        session.receive(Reply.encode(VarlinkError("a.b.Bad", ["field": "x"])))
        var names: [String] = []
        for _ in 0..<3 { names.append(try #require(try session.nextReply()).parameters(as: Name.self).name) }
        #expect(names == ["1", "2", "3"])
        #expect(try session.nextReply()?.error == VarlinkError("a.b.Bad", ["field": "x"]))
        #expect(try session.nextReply() == nil)
    }

    @Test("a reply that nobody waits for is a violation")
    func unexpected() {
        var session = ClientSession()
        session.receive(Reply.encode(NoFields()))
        #expect(throws: ProtocolViolation.unexpectedReply) { try session.nextReply() }
    }

    @Test("a reply that continues to a call that wants one is a violation")
    func unwantedContinuation() {
        var session = ClientSession()
        _ = session.call("a.b.C", NoFields())
        session.receive(Reply.encode(NoFields(), continues: true))
        #expect(throws: ProtocolViolation.unwantedContinuation) { try session.nextReply() }
    }

    @Test("a written reply has only the keys that are needed")
    func encoding() {
        #expect(text(Reply.encode(NoFields())) == "{}␀")
        #expect(text(Reply.encode(Name(name: "x"))) == #"{"parameters":{"name":"x"}}␀"#)
        #expect(text(Reply.encode(NoFields(), continues: true)) == #"{"continues":true}␀"#)
        #expect(text(Reply.encode(VarlinkError("a.b.Bad"))) == #"{"error":"a.b.Bad"}␀"#)
    }

    @Test(
        "a reply that breaks the rules is a violation",
        arguments: [
            (#"{"parameters":{},"x":1}"#, ProtocolViolation.unknownKey("x")), (#"{"a.b":1}"#, .unknownKey("a.b")),
            (#"{"error":"a.b.C","continues":true}"#, .errorContinues),
            (#"{"parameters":[]}"#, .badValue(key: "parameters")),
            (#"{"error":1}"#, .badValue(key: "error")), (#"{"error":"a","error":"b"}"#, .duplicateKey),
            ("[]", .notAnObject),
        ])
    func rules(json: String, violation: ProtocolViolation) {
        #expect(throws: violation) { try Reply(message: Array(json.utf8)) }
    }

    @Test("an error's fields keep their kinds")
    func errorFields() throws {
        let fields: [String: JSONValue] = [
            "a": .null, "b": .bool(true), "c": .integer(.max), "d": .number(0.5), "e": "text",
            "f": .array([.integer(1), .object(["g": .bool(false)])]),
        ]
        let error = VarlinkError("a.b.C", fields)
        #expect(try Reply(message: Reply.encode(error).dropLast()).error == error)
    }

    @Test("fields that a newer service sends are ignored")
    func newerService() throws {
        let reply = try Reply(message: Array(#"{"parameters":{"name":"x","later":1}}"#.utf8))
        #expect(try reply.parameters() == Name(name: "x"))
        #expect(throws: ProtocolViolation.badValue(key: "parameters.number")) {
            try Reply(message: Array(#"{"parameters":{"number":"x"}}"#.utf8)).parameters(as: Sample.self)
        }
    }
}
