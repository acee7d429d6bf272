// SPDX-License-Identifier: Apache-2.0
// A service with a method of each kind, and connections to it that are bytes in memory.

internal import Synchronization
internal import Testing
internal import Varlink

/// A caller who is a number; what it upgrades to is a ticket.
struct TestCaller: VarlinkCaller {
    /// What a method leaves behind when it has upgraded the connection.
    final class Ticket: Sendable {
        let name: String
        private let dropped: @Sendable () -> Void

        init(name: String, dropped: @escaping @Sendable () -> Void = {}) {
            self.name = name
            self.dropped = dropped
        }

        deinit { dropped() }
    }
    typealias Upgrade = Ticket

    var number = 0
    /// What the method `Wait` does.
    var wait: @Sendable () async throws -> Void = {}
    /// Is told when a ticket is dropped.
    var dropped: @Sendable () -> Void = {}
}

protocol TestMethod: VarlinkMethod {}

extension TestMethod {
    static var interface: String { "org.example.test" }
    static var name: String { "\(Self.self)" }
}

/// Replies with its parameters.
enum Echo: TestMethod {
    typealias Parameters = Sample
    typealias Result = Sample
}

/// Greets caller 0, and nobody else.
enum Greet: TestMethod {
    typealias Parameters = Name
    typealias Result = Name
}

/// Counts up to a number, which must not be negative; needs `more`.
enum Count: TestMethod {
    typealias Parameters = Sample
    typealias Result = Sample
}

/// Does what its caller has it do; with `more` it says "waiting" before.
enum Wait: TestMethod {
    typealias Parameters = NoFields
    typealias Result = Name
}

/// Upgrades the connection, unless it is to "nothing".
enum Switch: TestMethod {
    typealias Parameters = Name
    typealias Result = Name
}

/// Replies with so many letters.
enum Letters: TestMethod {
    typealias Parameters = Sample
    typealias Result = Sample
}

func testService(replyLimit: Int = 1 << 20) -> Dispatcher<TestCaller> {
    Dispatcher(
        identity: ServiceIdentity(vendor: "Example", product: "tester", version: "1.2", url: "https://example.org"),
        interfaces: [
            Interface(name: "org.example.test", description: "interface org.example.test\n", methods: testMethods)
        ], replyLimit: replyLimit)
}

private let testMethods: [Method<TestCaller>] = [
    Method(Echo.self) { (sample, _) async throws(VarlinkError) -> Sample in sample },
    Method(Greet.self) { (name, caller) async throws(VarlinkError) -> Name in
        guard caller.number == 0 else { throw .permissionDenied }
        return Name(name: "hello \(name.name)")
    },
    Method(streaming: Count.self) { sample, _, replies in
        let last = sample.number ?? 0
        guard last >= 0 else { throw VarlinkError("org.example.test.Negative", ["number": .integer(last)]) }
        for number in 0..<last { try await replies.send(Sample(number: number)) }
        return Sample(number: last)
    },
    Method(streamingIfAsked: Wait.self) { _, caller, replies in
        try await replies?.send(Name(name: "waiting"))
        try await caller.wait()
        return Name(name: "done")
    },
    Method(upgrading: Switch.self) {
        (name, caller) async throws(VarlinkError) -> (reply: Name, upgrade: TestCaller.Ticket) in
        guard name.name != "nothing" else { throw VarlinkError("org.example.test.NoSuchProtocol") }
        return (name, TestCaller.Ticket(name: name.name, dropped: caller.dropped))
    },
    Method(streamingIfAsked: Letters.self) { sample, _, replies in
        let letters = Sample(text: String(repeating: "x", count: Int(sample.number ?? 0)))
        try await replies?.send(letters)
        return letters
    },
]

/// Bytes that were sent.
final class Output: Sendable {
    private let bytes = Mutex<[UInt8]>([])

    /// All of them, each NUL as `␀`.
    var sent: String { text(bytes.withLock(\.self)) }
    func send(_ more: [UInt8]) { bytes.withLock { $0 += more } }
}

/// What the service sends when it receives `chunks` and then the end of the stream.
func replies(to chunks: [[UInt8]], caller: TestCaller = TestCaller()) async throws -> String {
    let output = Output()
    var chunks = chunks[...]
    let end = try await testService().serve(caller, receive: { chunks.popFirst() }, send: { output.send($0) })
    guard case .finished = end else {
        Issue.record("the connection was upgraded")
        return ""
    }
    return output.sent
}

/// What the service replies to a call.
func reply(to json: String, caller: Int = 0) async throws -> String {
    try await replies(to: [message(json)], caller: TestCaller(number: caller))
}
