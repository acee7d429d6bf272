// SPDX-License-Identifier: Apache-2.0
// The options of a server: their defaults, and that a bad one is refused before any socket exists.

internal import Glibc
internal import TestSupport
internal import Testing

@testable internal import SocketServer

@Suite("Listening: options", .timeLimit(.minutes(5)))
struct ListeningOptionsTests {
    /// A change that makes the options invalid, and the beginning of what is said about it.
    struct Mistake: Sendable, CustomTestStringConvertible {
        let message: String
        let make: @Sendable (inout ServerOptions) -> Void

        var testDescription: String { message }
    }

    static let mistakes = [
        Mistake(message: "maxConnections must be at least 1, but is 0") { $0.maxConnections = 0 },
        Mistake(message: "maxConnections must be at least 1, but is -1") { $0.maxConnections = -1 },
        Mistake(message: "maxConnections and connectionLimit cannot both be given") {
            $0.maxConnections = 1
            $0.connectionLimit = ConnectionLimit(1)
        },
        Mistake(message: "backlog must not be negative, but is -1") { $0.backlog = -1 },
        Mistake(message: "maxAcceptsPerBatch must be at least 1, but is 0") { $0.maxAcceptsPerBatch = 0 },
        Mistake(message: "closeDeadline must not be negative, but is -1.0 seconds") { $0.closeDeadline = .seconds(-1) },
        Mistake(message: "bufferAgeLimit must be positive, but is 0.0 seconds") { $0.bufferAgeLimit = .atMost(.zero) },
    ]

    @Test("an invalid option is an error that names it and its value (B3, B7)", arguments: mistakes)
    func invalid(_ mistake: Mistake) async throws {
        try await onLoop { _ in
            var options = ServerOptions()
            mistake.make(&options)
            let error = try await #require(throws: ServerError.self) {
                try await Server.createSocket(on: .portChosenByOS, options: options) { _, _ in }
            }
            #expect(error.code == .invalidOption)
            #expect(error.message == mistake.message)
        }
    }

    @Test("an invalid option is noticed before any socket exists: the system is not even asked for one (B3)")
    func checkedFirst() async throws {
        try await onLoop { _ in
            var options = ServerOptions()
            options.maxConnections = 0
            // A place that cannot be bound either: the option is what is told.
            let error = try await #require(throws: ServerError.self) {
                try await Server.createSocket(on: .file("/nowhere/socket"), options: options) { _, _ in }
            }
            #expect(error.code == .invalidOption)
        }
    }

    @Test("the smallest valid values are accepted: one connection, no backlog, batches of one (B3, B5, B7)")
    func smallest() async throws {
        try await onLoop { loop in
            var options = ServerOptions()
            options.maxConnections = 1
            options.backlog = 0
            options.maxAcceptsPerBatch = 1
            options.closeDeadline = .zero
            let server = try await Server.createSocket(on: .portChosenByOS, options: options) { _, socket in
                try await greetAndStay(socket)
            }
            let client = try TestClient.connect(to: server.loopback, on: loop)
            #expect(await client.isGreeted())
            await client.close()
            await server.close()
        }
    }

    @Test("by default the backlog is 128, a batch 16, and dropping is off (B5, B7)")
    func defaults() {
        let options = ServerOptions()
        #expect(options.backlog == 128)
        #expect(options.maxAcceptsPerBatch == 16)
        #expect(!options.dropIncomingConnections)
        #expect(options.maxConnections == nil)
    }

    @Test(
        "by default there are 10,000 connections, but never more than the descriptor limit can serve (B4)",
        arguments: [
            (13_332, 9_999), (13_333, 10_000), (13_334, 10_000), (1_000_000, 10_000), (1024, 768), (64, 48), (40, 24),
            (17, 1), (16, 1), (1, 1), (0, 1),
        ])
    func defaultMaxConnections(descriptors: Int, connections: Int) {
        #expect(ServerOptions.maxConnections(descriptorLimit: descriptors) == connections)
    }

    @Test("the default limit follows the soft descriptor limit, which is the one that accept obeys (B4)")
    func softLimit() async {
        await #expect(processExitsWith: .success) {
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            limit.rlim_cur = 100
            #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
            #expect(ServerOptions.defaultMaxConnections == 75)
            try await onLoop { _ in
                let server = try await Server.createSocket(on: .portChosenByOS) { _, _ in }
                #expect(server.description.contains("connections: 0/75"))
                await server.close()
            }
        }
    }
}
