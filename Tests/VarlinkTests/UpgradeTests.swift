// SPDX-License-Identifier: Apache-2.0
// Tests of methods that turn a connection into one of another protocol, on both ends.

internal import Synchronization
internal import Testing
internal import Varlink

private func upgrade(to name: String) -> [UInt8] {
    Call.encode(Switch.fullName, Name(name: name), mode: .upgrade)
}

@Suite("upgrading method")
struct UpgradeTests {
    @Test(
        "it replies once, and the connection and what came behind the call are handed on", arguments: [1, 7, 1 << 20])
    func upgrade(size: Int) async throws {
        let call = VarlinkTests.upgrade(to: "ssh")
        let stream = Call.encode(Echo.fullName, Sample(text: "before")) + call + Array("SSH-2.0\0".utf8)
        var chunks = stride(from: 0, to: stream.count, by: size).map {
            Array(stream[$0..<min($0 + size, stream.count)])
        }[...]
        let output = Output()
        let end = try await testService().serve(
            TestCaller(), receive: { chunks.popFirst() }, send: { output.send($0) })
        guard case .upgraded(let ticket, let unconsumed) = end else { throw VarlinkError("not upgraded") }
        #expect(ticket.name == "ssh")
        #expect(unconsumed + chunks.joined() == Array("SSH-2.0\0".utf8))
        #expect(output.sent == #"{"parameters":{"text":"before"}}␀{"parameters":{"name":"ssh"}}␀"#)
    }

    @Test("a server that receives call by call leaves every byte of the new protocol alone")
    func peeking() async throws {
        var waiting = Call.encode(Echo.fullName, Sample()) + VarlinkTests.upgrade(to: "ssh") + Array("SSH-2.0\0".utf8)
        let end = try await testService().serve(
            TestCaller(),
            receive: {
                // As recv with MSG_PEEK would show it to a small buffer.
                let count = ServerSession.lengthOfCall(in: waiting.prefix(20))
                defer { waiting.removeFirst(count) }
                return Array(waiting.prefix(count))
            }, send: { _ in })
        guard case .upgraded(_, let unconsumed) = end else { throw VarlinkError("not upgraded") }
        #expect(unconsumed.isEmpty)
        #expect(waiting == Array("SSH-2.0\0".utf8))
    }

    @Test("the length of a call ends with its NUL")
    func lengthOfCall() {
        #expect(ServerSession.lengthOfCall(in: [] as [UInt8]) == 0)
        #expect(ServerSession.lengthOfCall(in: Array("ab".utf8)) == 2)
        #expect(ServerSession.lengthOfCall(in: Array("ab\0".utf8)) == 3)
        #expect(ServerSession.lengthOfCall(in: Array("ab\0c\0".utf8).dropFirst()) == 2)
        #expect(ServerSession.lengthOfCall(in: [0, 0]) == 1)
    }

    @Test("when it refuses, the conversation goes on")
    func refusal() async throws {
        #expect(
            try await replies(to: [
                VarlinkTests.upgrade(to: "nothing") + message(#"{"method":"org.example.test.Echo"}"#)
            ])
                == #"{"error":"org.example.test.NoSuchProtocol"}␀{"parameters":{}}␀"#)
    }

    @Test("called without upgrade it is ExpectedUpgrade, and is not done", arguments: [CallMode.once, .more, .oneway])
    func expectedUpgrade(mode: CallMode) async throws {
        let sent = try await replies(to: [Call.encode(Switch.fullName, Name(name: "ssh"), mode: mode)])
        #expect(sent == (mode == .oneway ? "" : #"{"error":"org.varlink.service.ExpectedUpgrade"}␀"#))
    }

    @Test("when its reply cannot be sent, the upgrade is dropped")
    func unsentReply() async throws {
        struct Gone: Error {}
        let dropped = Mutex(0)
        let caller = TestCaller(dropped: { dropped.withLock { $0 += 1 } })
        let call = try Call(message: VarlinkTests.upgrade(to: "ssh").dropLast())
        await #expect(throws: Gone.self) {
            try await testService().answer(call, from: caller, send: { _ in throw Gone() })
        }
        #expect(dropped.withLock { $0 } == 1)
    }
}

@Suite("client of an upgrade")
struct UpgradingClientTests {
    @Test("after the reply it leaves all bytes to the new protocol, whatever they look like")
    func unconsumed() throws {
        var session = ClientSession()
        _ = session.call(Echo.self, Sample())
        _ = session.call(Switch.self, Name(name: "ssh"), mode: .upgrade)
        session.receive(Reply.encode(Sample()) + Reply.encode(Name(name: "ssh")) + Array("{}\0raw".utf8))
        #expect(try session.nextReply() != nil)
        #expect(!session.isUpgraded)
        #expect(try session.nextReply()?.parameters(as: Name.self).name == "ssh")
        #expect(session.isUpgraded && !session.isWaiting)
        #expect(try session.nextReply() == nil)
        #expect(Array(session.unconsumed) == Array("{}\0raw".utf8))
    }

    @Test("after a refusal it may go on calling")
    func refusal() throws {
        var session = ClientSession()
        _ = session.call(Switch.self, Name(name: "nothing"), mode: .upgrade)
        session.receive(Reply.encode(VarlinkError("a.b.Bad")))
        #expect(try session.nextReply()?.error?.name == "a.b.Bad")
        #expect(!session.isUpgraded)
        #expect(text(session.call(Echo.self, Sample())) == #"{"method":"org.example.test.Echo","parameters":{}}␀"#)
    }

    @Test("a call behind an upgrade is our bug")
    func callBehind() async {
        await #expect(processExitsWith: .failure) {
            var session = ClientSession()
            _ = session.call(Switch.self, Name(name: "ssh"), mode: .upgrade)
            _ = session.call(Echo.self, Sample())
        }
    }
}
