// SPDX-License-Identifier: Apache-2.0
// What a service logs of its servers' events.

import Glibc
import ManagerInterface
import Policy
import SocketServer
import Supervision
import SystemPackage
import Testing

@testable import Daemon
@testable import ServiceConfig

@Suite("Service: events", .timeLimit(.minutes(5)))
struct ServiceEventsTests {
    private static func lines(
        _ handler: ServiceDefinition.Handler, _ event: ServerEvent
    ) async throws -> (log: [String], lastError: String?) {
        try await withServices([]) { services in
            let service = try Service(service(on: Endpoint(), handler: handler), services.manager.context)
            await service.handle(event)
            let lastError = await service.status.lastError
            await service.drain(grace: .zero)
            return (services.log.lines, lastError)
        }
    }

    @Test("a built-in service's failure is logged; a program's end is, and its failure is not told twice")
    func handlerFailed() async throws {
        let event = ServerEvent.handlerFailed(id: 7, peer: .unix(.unnamed), error: Errno.ioError)
        let builtIn = try await Self.lines(.builtIn(.echo), event)
        #expect(
            builtIn.log == ["<6>handler failed service=test connection=7 peer=unix error=\"Input/output error\""])
        let failure = try #require(HandlerFailure(.exited(code: 3), expected: SuccessExitStatus()))
        let program = try await Self.lines(
            exitsAsTold, .handlerFailed(id: 7, peer: .unix(.unnamed), error: failure))
        #expect(program.log == [])
        #expect(program.lastError == "the handler exited with code 3")
    }

    @Test("a pause for want of descriptors says which limit to raise")
    func acceptPaused() async throws {
        let event = ServerEvent.acceptPaused(errno: EMFILE, failures: 3, retryAfter: .seconds(1))
        let (log, lastError) = try await Self.lines(.builtIn(.echo), event)
        let reason = "Too many open files (EMFILE); raise the limit on open files, LimitNOFILE= in the unit"
        #expect(
            log == [
                "<3>cannot accept connections; they wait in the backlog, and accepting resumes by itself service=test "
                    + "errno=\"\(reason)\" failures=3"
            ])
        #expect(lastError == "cannot accept connections: \(reason)")
    }

    @Test("a connection that is refused is counted and logged under that name")
    func refused() async throws {
        let (log, _) = try await Self.lines(.builtIn(.echo), .connectionRefused(peer: .unix(.unnamed)))
        #expect(log == ["<6>connection refused service=test peer=unix"])
    }
}
