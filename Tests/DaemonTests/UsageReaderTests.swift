// SPDX-License-Identifier: Apache-2.0
// What is told of connections: of programs that run, and of none that has ended.

import EventLoops
import Glibc
import ManagerInterface
import Supervision
import TestSupport
import Testing

@testable import Daemon

@Suite("usage of connections") struct UsageReaderTests {
    /// Runs `body` with a connection of a program that ends with its first line, and the question about it.
    private static func withConnection(
        _ body: @escaping @Sendable (Services, TestClient, UsageQuestion) async throws -> Void
    ) async throws {
        let endpoint = try Endpoint()
        try await withServices(service(on: endpoint, handler: shell("echo ready; read x"))) { services in
            let client = try endpoint.connect(services)
            #expect(try await client.read(6) == Array("ready\n".utf8))
            let service = try await services.manager.service(named: "test")
            let id = try #require(await service.connectionIDs.first)
            try await body(services, client, #require(await service.listed(id)).question)
            await client.close()
        }
    }

    @Test("each question has its answer at its place; what there is not is nil")
    func places() async throws {
        try await Self.withConnection { services, client, question in
            let nothing = UsageQuestion(process: nil, stream: nil)
            let answers = await UsageReader.answers(to: [nothing, question, nothing], on: services.loop)
            #expect(answers.map { $0.process != nil } == [false, true, false])
            #expect(answers.allSatisfy { $0.stream == nil }, "it is a Unix socket")
            #expect(await UsageReader.answers(to: [], on: services.loop).isEmpty)
            try client.write("x\n")
            #expect(try await client.readToEnd() == [])
            await services.wait { $0.connections == 0 }
            let later = await UsageReader.answers(to: [question], on: services.loop)
            #expect(later.map { $0.process == nil } == [true])
        }
    }

    @Test("a program that was reaped while it was looked at is told nothing of: its number may be another's")
    func reapedMeanwhile() async throws {
        try await Self.withConnection { services, client, question in
            let process = try #require(question.process)
            // The zombie can still be read; it is reaped before the loop takes the answer.
            process.signal(SIGKILL)
            let many = Array(repeating: question, count: 1000)
            let answers = await UsageReader.answers(to: many, on: services.loop)
            let isReaped = !process.isAlive
            #expect(answers.allSatisfy { ($0.process == nil) == isReaped })
            await services.wait { $0.connections == 0 }
        }
    }
}
