// SPDX-License-Identifier: Apache-2.0
// Tests of the way from calls to replies, and of `org.varlink.service`.

internal import Synchronization
internal import Testing
internal import Varlink

@Suite("dispatcher")
struct DispatcherTests {
    @Test("a method gets its parameters and its caller, and its result is the reply")
    func call() async throws {
        let json = #"{"method":"org.example.test.Greet","parameters":{"name":"Ada"}}"#
        #expect(try await reply(to: json) == #"{"parameters":{"name":"hello Ada"}}␀"#)
        #expect(try await reply(to: json, caller: 1) == #"{"error":"org.varlink.service.PermissionDenied"}␀"#)
    }

    @Test("a thousand pipelined calls are answered in their order, in fragments too", arguments: [1, 1000, 1 << 20])
    func pipelined(size: Int) async throws {
        let stream = (0..<1000).map { Call.encode("org.example.test.Echo", Sample(number: $0)) }.reduce(into: [], +=)
        let chunks = stride(from: 0, to: stream.count, by: size).map {
            Array(stream[$0..<min($0 + size, stream.count)])
        }
        let expected = (0..<1000).map { #"{"parameters":{"number":\#($0)}}␀"# }.joined()
        #expect(try await replies(to: chunks) == expected)
    }

    @Test(
        "an unknown method or interface is MethodNotFound",
        arguments: ["org.example.test.Nothing", "org.example.none.Echo", "Echo", ".", "", "org.example.test."])
    func methodNotFound(method: String) async throws {
        #expect(
            try await reply(to: #"{"method":"\#(method)"}"#)
                == #"{"error":"org.varlink.service.MethodNotFound","parameters":{"method":"\#(method)"}}␀"#)
    }

    @Test("a wrong parameter is InvalidParameter with its name")
    func invalidParameter() async throws {
        #expect(
            try await reply(to: #"{"method":"org.example.test.Echo","parameters":{"number":true}}"#)
                == #"{"error":"org.varlink.service.InvalidParameter","parameters":{"parameter":"number"}}␀"#)
    }

    @Test("a oneway call is never answered, neither with a reply nor with an error")
    func oneway() async throws {
        let bytes =
            message(#"{"method":"org.example.test.Echo","oneway":true}"#)
            + message(#"{"method":"org.example.test.Nothing","oneway":true}"#)
            + message(#"{"method":"org.example.test.Echo","parameters":{"text":"last"}}"#)
        #expect(try await replies(to: [bytes]) == #"{"parameters":{"text":"last"}}␀"#)
    }

    @Test("others have their turn before each call, oneway or not", arguments: [0, 1, 2, 5])
    func yields(count: Int) async throws {
        let call = message(#"{"method":"a","oneway":true}"#)
        var chunks = [Array(repeating: call, count: count).flatMap(\.self) + call][...]
        var yields = 0
        _ = try await testService().serve(
            TestCaller(), receive: { chunks.popFirst() }, send: { _ in }, yield: { yields += 1 })
        // Of each chunk, once more when there is nothing left in it.
        #expect(yields == count + 1 + 1)
    }

    @Test("a method that replies once does so when it is called with more")
    func unneededMore() async throws {
        #expect(try await reply(to: #"{"method":"org.example.test.Echo","more":true}"#) == #"{"parameters":{}}␀"#)
    }

    @Test("a method that does not upgrade refuses to, and the conversation goes on", arguments: ["Echo", "Count"])
    func refusedUpgrade(method: String) async throws {
        let bytes =
            message(#"{"method":"org.example.test.\#(method)","upgrade":true}"#)
            + message(#"{"method":"org.example.test.Echo"}"#)
        #expect(
            try await replies(to: [bytes])
                == #"{"error":"org.varlink.service.MethodNotImplemented","#
                + #""parameters":{"method":"org.example.test.\#(method)"}}␀"#
                + #"{"parameters":{}}␀"#)
    }

    @Test("the end of the stream inside a call ends the serving, and what was asked before is answered")
    func halfClose() async throws {
        let call = message(#"{"method":"org.example.test.Echo"}"#)
        #expect(try await replies(to: [call + call.dropLast(3)]) == #"{"parameters":{}}␀"#)
        #expect(try await replies(to: [Array(call.dropLast())]).isEmpty)
        #expect(try await replies(to: []).isEmpty)
    }

    @Test("calls before a violation are answered, then the violation is thrown")
    func violation() async throws {
        let output = Output()
        var chunks = [message(#"{"method":"org.example.test.Echo"}"#) + message("garbage")][...]
        await #expect(throws: ProtocolViolation.notAnObject) {
            try await testService().serve(
                TestCaller(), receive: { chunks.popFirst() }, send: { output.send($0) })
        }
        #expect(output.sent == #"{"parameters":{}}␀"#)
    }

    @Test("a reply of the limit is sent, one that is longer is ReplyTooLong", arguments: [-1, 0, 1])
    func longReply(excess: Int) async throws {
        let frame = #"{"parameters":{"text":""}}"#.utf8.count
        let limit = 500
        let count = limit - frame + excess
        let output = Output()
        let call = try VarlinkTests.call(#"{"method":"org.example.test.Letters","parameters":{"number":\#(count)}}"#)
        _ = try await testService(replyLimit: limit).answer(call, from: TestCaller(), send: { output.send($0) })
        let letters = String(repeating: "x", count: count)
        #expect(
            output.sent
                == (excess <= 0
                    ? #"{"parameters":{"text":"\#(letters)"}}␀"#
                    : #"{"error":"org.example.test.ReplyTooLong","parameters":{"length":501,"limit":500}}␀"#))
    }
}

@Suite("org.varlink.service")
struct ServiceInterfaceTests {
    @Test("GetInfo tells who is there and lists all interfaces, its own too")
    func info() async throws {
        #expect(
            try await reply(to: #"{"method":"org.varlink.service.GetInfo"}"#)
                == #"{"parameters":{"interfaces":["org.varlink.service","org.example.test"],"product":"tester","#
                + #""url":"https://example.org","vendor":"Example","version":"1.2"}}␀"#)
    }

    @Test("GetInterfaceDescription returns the description as it was written")
    func description() async throws {
        let method = "org.varlink.service.GetInterfaceDescription"
        #expect(
            try await reply(to: #"{"method":"\#(method)","parameters":{"interface":"org.example.test"}}"#)
                == #"{"parameters":{"description":"interface org.example.test\n"}}␀"#)
        #expect(
            try await reply(to: #"{"method":"\#(method)","parameters":{"interface":"org.example.none"}}"#)
                == #"{"error":"org.varlink.service.InterfaceNotFound","#
                + #""parameters":{"interface":"org.example.none"}}␀"#)
        #expect(
            try await reply(to: #"{"method":"\#(method)"}"#)
                == #"{"error":"org.varlink.service.InvalidParameter","parameters":{"parameter":"interface"}}␀"#)
    }

    @Test("its description declares its methods, its errors and the fields of both")
    func ownDescription() async throws {
        let method = "org.varlink.service.GetInterfaceDescription"
        let json = try await replies(to: [Call.encode(method, DescriptionQuery(interface: "org.varlink.service"))])
        let reply = try Reply(message: Array(json.dropLast().utf8))
        let interface = try IDL(reply.parameters(as: InterfaceDescription.self).description)
        #expect(interface.name == "org.varlink.service")
        #expect(interface.methods["GetInfo"]?.output.keys.sorted() == ServiceInfo.fieldNames.sorted())
        #expect(interface.methods["GetInterfaceDescription"]?.input.keys.sorted() == DescriptionQuery.fieldNames)
        let errors: [VarlinkError] = [
            .interfaceNotFound("x"), .methodNotFound("x"), .methodNotImplemented("x"), .invalidParameter("x"),
            .permissionDenied, .expectedMore, .expectedUpgrade,
        ]
        #expect(interface.errors.count == errors.count)
        for error in errors {
            let name = String(error.name.dropFirst(interface.name.count + 1))
            #expect(interface.errors[name]?.keys.sorted() == error.parameters.keys.sorted())
        }
    }
}
