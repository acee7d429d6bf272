// SPDX-License-Identifier: Apache-2.0
// The original's tests of requests and answers on a server, on a tiny protocol: a line asks, a line answers.

internal import EventLoops
internal import Policy
internal import SocketServer
internal import TestSupport
internal import Testing

/// The lines of a stream.
struct LineReader {
    private let reader: Reader
    private var bytes: [UInt8] = []

    init(_ reader: Reader) {
        self.reader = reader
    }

    /// The next line without its end; `nil` at the end of the stream.
    mutating func next() async throws -> String? {
        while true {
            if let end = bytes.firstIndex(of: UInt8(ascii: "\n")) {
                defer { bytes.removeFirst(end + 1) }
                return String(decoding: bytes[..<end], as: UTF8.self)
            }
            guard let more = try await reader.read() else { return nil }
            bytes += more
        }
    }
}

@Suite("Open requests", .timeLimit(.minutes(5)))
struct OriginalRequestTests {
    struct ConnectionClosed: Error {}
    struct RequestFailed: Error {}

    // Each request is served in a task of its own; `echo X`, `hang`, and `fail`.
    private static func serve(
        _ reader: Reader, _ writer: Writer, closesOnFailure: Bool, hanging: EventLog<String>
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var lines = LineReader(reader)
            let closed = OneShot<Void>()
            while let line = try await lines.next() {
                switch line {
                case "hang":
                    hanging.append("begun")
                    group.addTask {
                        await closed.value()
                        hanging.append("connection closed")
                    }
                case "fail":
                    if closesOnFailure { throw RequestFailed() }
                    try await writer.write("failed\n")
                default:
                    try await writer.write("\(line)\n")
                }
            }
            closed.fulfil(())
            try await group.waitForAll()
        }
    }

    @Test("a request that hangs ends with the connection when the client closes (T15)")
    func hangingRequest() async throws {
        try await onLoop { loop in
            let hanging = EventLog<String>()
            let server = try await Server.create(on: .portChosenByOS) { _, reader, writer in
                try await Self.serve(reader, writer, closesOnFailure: false, hanging: hanging)
            }
            let client = try server.newClient(on: loop)
            try client.write("hang\necho\n")
            #expect(try await client.read(5) == Array("echo\n".utf8))
            #expect(hanging.all == ["begun"])
            await client.close()
            await hanging.wait(forCount: 2)
            #expect(hanging.all == ["begun", "connection closed"])
            await server.close()
            await server.closeFinishedAndHandlersDetermined()
            #expect(server.handlerFailure == nil)
        }
    }

    @Test("an open request of a client ends when the server closes the connection (T15)")
    func serverCloses() async throws {
        try await onLoop { loop in
            let hanging = EventLog<String>()
            let server = try await Server.create(on: .portChosenByOS) { _, reader, writer in
                try await Self.serve(reader, writer, closesOnFailure: false, hanging: hanging)
            }
            let client = try server.newClient(on: loop)
            try client.write("hang\n")
            await hanging.wait(forCount: 1)
            let answer = Task(executorPreference: loop) { try await client.readToEnd() }
            await settle(loop)
            await server.close(closeExistingConnections: true)
            #expect(try await answer.value == [])
            await server.closeFinishedAndHandlersDetermined()
            #expect(hanging.all.last == "connection closed" && server.handlerFailure == nil)
            await client.close()
        }
    }

    @Test(
        "a request that fails closes its connection or does not, as configured; the server survives (T15)",
        arguments: [false, true])
    func failingRequest(closes: Bool) async throws {
        try await onLoop { loop in
            let errors = EventLog<Bool>()
            let server = try await Server.create(
                on: .portChosenByOS, onHandlerError: .call { errors.append($1 is RequestFailed) }
            ) { _, reader, writer in
                try await Self.serve(reader, writer, closesOnFailure: closes, hanging: EventLog())
            }
            let failing = try server.newClient(on: loop)
            let other = try server.newClient(on: loop)
            try failing.write("fail\nafter\n")
            failing.finishWriting()
            let answer = try await failing.readToEnd()
            #expect(answer == Array((closes ? "" : "failed\nafter\n").utf8))
            try other.write("other\n")
            #expect(try await other.read(6) == Array("other\n".utf8))
            await failing.close()
            await other.close()
            await server.close()
            await server.closeFinishedAndHandlersDetermined()
            #expect(errors.all == (closes ? [true] : []))
        }
    }
}
