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
            let reader = UsageReader(on: services.loop)
            let answers = await reader.answers(to: [nothing, question, nothing])
            #expect(answers.map { $0.process != nil } == [false, true, false])
            #expect(answers.allSatisfy { $0.stream == nil }, "it is a Unix socket")
            #expect(await reader.answers(to: []).isEmpty)
            try client.write("x\n")
            #expect(try await client.readToEnd() == [])
            await services.wait { $0.connections == 0 }
            let later = await reader.answers(to: [question])
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
            let answers = await UsageReader(on: services.loop).answers(to: many)
            let isReaped = !process.isAlive
            #expect(answers.allSatisfy { ($0.process == nil) == isReaped })
            await services.wait { $0.connections == 0 }
        }
    }

    @Test("who asks while others do has their own answers, one time after the other too")
    func manyAsk() async throws {
        try await Self.withConnection { services, client, question in
            let reader = UsageReader(on: services.loop)
            let nothing = UsageQuestion(process: nil, stream: nil)
            for _ in 0..<3 {
                let asking = (1...20).map { count in
                    Task(executorPreference: services.loop) {
                        await reader.answers(to: Array(repeating: nothing, count: count) + [question])
                    }
                }
                for (index, task) in asking.enumerated() {
                    let answers = await task.value
                    #expect(answers.map { $0.process != nil } == Array(repeating: false, count: index + 1) + [true])
                }
            }
        }
    }

    @Test("what was seen of a program is kept for the next time, until its end")
    func sampleIsKept() async throws {
        try await Self.withConnection { services, client, question in
            let process = try #require(question.process)
            #expect(process.lastSample == nil)
            let reader = UsageReader(on: services.loop)
            let usage = await reader.answers(to: [question]).first?.process
            #expect(usage != nil && process.lastSample?.usage == usage)
        }
    }
}
