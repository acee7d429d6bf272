// SPDX-License-Identifier: Apache-2.0
// Tests of methods that reply more than once: their end, their callers' end, and their pace.

internal import Synchronization
internal import Testing
internal import Varlink

private let waiting = #"{"method":"org.example.test.Wait","more":true}"#

@Suite("streaming method")
struct StreamingTests {
    @Test("with more it replies until its last reply, which says so")
    func streaming() async throws {
        #expect(
            try await reply(to: #"{"method":"org.example.test.Count","parameters":{"number":2},"more":true}"#)
                == #"{"continues":true,"parameters":{"number":0}}␀{"continues":true,"parameters":{"number":1}}␀"#
                + #"{"parameters":{"number":2}}␀"#)
        #expect(
            try await reply(to: #"{"method":"org.example.test.Count","parameters":{"number":-1},"more":true}"#)
                == #"{"error":"org.example.test.Negative","parameters":{"number":-1}}␀"#)
    }

    @Test("one that needs more and is called without is ExpectedMore")
    func expectedMore() async throws {
        #expect(
            try await reply(to: #"{"method":"org.example.test.Count"}"#)
                == #"{"error":"org.varlink.service.ExpectedMore"}␀"#)
    }

    @Test("one that does not need more replies once without")
    func ifAsked() async throws {
        #expect(
            try await reply(to: waiting)
                == #"{"continues":true,"parameters":{"name":"waiting"}}␀{"parameters":{"name":"done"}}␀"#)
        #expect(try await reply(to: #"{"method":"org.example.test.Wait"}"#) == #"{"parameters":{"name":"done"}}␀"#)
    }

    @Test("a oneway call runs and is not answered")
    func oneway() async throws {
        let runs = Mutex(0)
        let caller = TestCaller(wait: { runs.withLock { $0 += 1 } })
        #expect(
            try await replies(to: [message(#"{"method":"org.example.test.Wait","oneway":true}"#)], caller: caller)
                .isEmpty)
        #expect(runs.withLock { $0 } == 1)
    }

    @Test("a reply that is too long ends the stream with an error")
    func longReply() async throws {
        let output = Output()
        let call = try call(#"{"method":"org.example.test.Letters","parameters":{"number":500},"more":true}"#)
        _ = try await testService(replyLimit: 500).answer(call, from: TestCaller(), send: { output.send($0) })
        #expect(
            output.sent == #"{"error":"org.example.test.ReplyTooLong","parameters":{"length":543,"limit":500}}␀"#)
    }

    @Test("a caller who cannot be sent to ends a stream of replies")
    func goneCaller() async throws {
        struct Gone: Error {}
        let sent = Mutex(0)
        let call = try Call(message: Call.encode(Count.fullName, Sample(number: .max), mode: .more).dropLast())
        await #expect(throws: Gone.self) {
            try await testService().answer(call, from: TestCaller()) { _ in
                let count = sent.withLock { count in
                    count += 1
                    return count
                }
                guard count < 3 else { throw Gone() }
            }
        }
        #expect(sent.withLock { $0 } == 3)
    }

    @Test("a caller who hangs up while nothing is sent cancels the handler, and the serving ends")
    func hangUp() async throws {
        let (hungUp, hangUp) = AsyncStream<Void>.makeStream()
        let wasCancelled = Mutex(false)
        let caller = TestCaller(wait: {
            hangUp.finish()
            for await _ in AsyncStream<Void>.makeStream().stream {}
            wasCancelled.withLock { $0 = Task.isCancelled }
            try Task.checkCancellation()
        })
        var chunks = [message(waiting) + message(waiting)][...]
        let output = Output()
        let end = try await testService().serve(
            caller, receive: { chunks.popFirst() }, send: { output.send($0) },
            hangUp: { for await _ in hungUp {} })
        guard case .finished = end else { throw VarlinkError("upgraded") }
        #expect(wasCancelled.withLock { $0 })
        // The second call is not begun.
        #expect(output.sent == #"{"continues":true,"parameters":{"name":"waiting"}}␀"#)
    }

    @Test("a caller who stays is answered, and is not watched any longer than that")
    func watching() async throws {
        let watched = Mutex(0)
        var chunks = [message(waiting), message(#"{"method":"org.example.test.Count","more":true}"#)][...]
        let output = Output()
        _ = try await testService().serve(
            TestCaller(), receive: { chunks.popFirst() }, send: { output.send($0) },
            hangUp: {
                for await _ in AsyncStream<Void>.makeStream().stream {}
                watched.withLock { $0 += 1 }
            })
        #expect(output.sent.hasSuffix(#"{"parameters":{"name":"done"}}␀{"parameters":{"number":0}}␀"#))
        #expect(watched.withLock { $0 } == 2)
    }

    @Test("an error of a handler that is watched is replied")
    func watchedError() async throws {
        var chunks = [message(#"{"method":"org.example.test.Count","parameters":{"number":-1},"more":true}"#)][...]
        let output = Output()
        _ = try await testService().serve(
            TestCaller(), receive: { chunks.popFirst() }, send: { output.send($0) },
            hangUp: { for await _ in AsyncStream<Void>.makeStream().stream {} })
        #expect(output.sent == #"{"error":"org.example.test.Negative","parameters":{"number":-1}}␀"#)
    }

    @Test("a caller who does not read is not sent more, and nothing more is received from it")
    func slowReader() async throws {
        let (room, makeRoom) = AsyncStream<Void>.makeStream()
        let (sends, noteSend) = AsyncStream<Int>.makeStream()
        let received = Mutex(0)
        let serving = Task {
            var chunks = [message(#"{"method":"org.example.test.Count","parameters":{"number":2},"more":true}"#)][...]
            _ = try await testService().serve(
                TestCaller(),
                receive: {
                    received.withLock { $0 += 1 }
                    return chunks.popFirst()
                },
                send: { bytes in
                    noteSend.yield(bytes.count)
                    for await _ in room { break }
                })
        }
        var sending = sends.makeAsyncIterator()
        for reply in 1...3 {
            #expect(await sending.next() != nil, "reply \(reply)")
            #expect(received.withLock { $0 } == 1)
            makeRoom.yield()
        }
        try await serving.value
        #expect(received.withLock { $0 } == 2)
    }
}
