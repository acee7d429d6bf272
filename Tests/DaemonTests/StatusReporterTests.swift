// SPDX-License-Identifier: Apache-2.0
// What the service manager is told: ready, the status when it changes, and signs of life.

import Descriptors
import EventLoops
import Glibc
import ManagerInterface
import SocketServer
import Sockets
import Supervision
import Systemd
import TestSupport
import Testing

@testable import Daemon
@testable import ServiceConfig

@Suite("StatusReporter", .timeLimit(.minutes(5)))
struct StatusReporterTests {
    /// A service manager's socket, which NOTIFY_SOCKET names from now on.
    struct Manager {
        private let socket: OwnedDescriptor

        init() throws {
            let endpoint = try Endpoint()
            socket = endpoint.occupy(kind: SOCK_DGRAM)
            setenv("NOTIFY_SOCKET", endpoint.listen.description, 1)
        }

        /// What came since the last look.
        func messages(_ writer: LogWriter) -> [String] {
            precondition(writer.flush(within: .seconds(10)))
            var all: [String] = []
            var bytes = [UInt8](repeating: 0, count: 4096)
            while case let count = recv(socket.number, &bytes, bytes.count, CInt(MSG_DONTWAIT)), count >= 0 {
                all.append(String(decoding: bytes.prefix(count), as: UTF8.self))
            }
            return all
        }
    }

    /// Runs `body` with a reporter of 31 services, so that it takes a while to look at all of them.
    static func run(
        watchdog: Watchdog? = nil,
        _ body: @escaping @Sendable (StatusReporter, Services, Endpoint, () async -> [String]) async throws -> Void
    ) async throws {
        let manager = try Manager()
        let endpoint = try Endpoint()
        let writer = try LogWriter(
            .lines(.prefixed), stream: Descriptor.duplicating(STDERR_FILENO), notifier: Notifier())
        var definitions = [try service(on: endpoint)]
        for number in 0..<30 { definitions.append(try service("other\(number)", on: Endpoint())) }
        try await withServices(definitions) { services in
            let reporter = StatusReporter(writer, isConnected: true, on: services.loop)
            services.onChange { reporter.changed() }
            await reporter.start(services.manager, watchdog)
            try await body(reporter, services, endpoint) {
                // To put the status together takes a few generations of jobs for each service.
                for _ in 0..<20 { await settle(services.loop) }
                return manager.messages(writer)
            }
            reporter.stop()
        }
        writer.finish()
    }

    @Test("ready comes with the status, and the status again only when it has changed, once a second at most")
    func changes() async {
        await #expect(processExitsWith: .success) {
            try await StatusReporterTests.run { _, services, endpoint, messages in
                func expect(_ expected: [String]) async {
                    let came = await messages()
                    #expect(came == expected)
                }
                await expect(["READY=1\nSTATUS=31 services, 0 connections"])
                await services.advance(by: .seconds(10))
                await expect([])

                let first = try endpoint.connect(services, sending: "x")
                _ = try await first.read(2)
                await services.advance(by: .milliseconds(100))
                await expect(["STATUS=31 services, 1 connection"])
                let second = try endpoint.connect(services, sending: "x")
                _ = try await second.read(2)
                await services.advance(by: .milliseconds(999))
                await expect([])
                await services.advance(by: .milliseconds(1))
                await expect(["STATUS=31 services, 2 connections"])

                // What has changed and changed back is nothing to tell.
                let third = try endpoint.connect(services, sending: "x")
                _ = try await third.read(2)
                await third.close()
                await services.wait { $0.connections == 2 }
                await services.advance(by: .seconds(10))
                await expect([])
                await first.close()
                await second.close()
            }
        }
    }

    @Test("a change while the status is put together is told afterwards, at whatever moment it comes")
    func changedMeanwhile() async {
        await #expect(processExitsWith: .success) {
            for generations in 0...24 {
                try await StatusReporterTests.run { reporter, services, endpoint, messages in
                    await services.advance(by: .seconds(10))
                    #expect(await messages().count == 1)
                    await services.loop.perform { reporter.changed() }
                    async let advanced: Void = services.advance(by: .milliseconds(100))
                    for _ in 0..<generations {
                        await withCheckedContinuation { step in services.loop.execute { step.resume() } }
                    }
                    let client = try endpoint.connect(services, sending: "x")
                    _ = try await client.read(2)
                    await advanced
                    // The status that is put together now, the one after it, and the time between two messages.
                    var came: [String] = []
                    for _ in 0..<3 {
                        came += await messages()
                        await services.advance(by: .seconds(1))
                    }
                    came += await messages()
                    #expect(came == ["STATUS=31 services, 1 connection"], "\(generations) generations: \(came)")
                    await client.close()
                }
            }
        }
    }

    @Test("signs of life come at once and at every interval, until the end")
    func watchdog() async {
        await #expect(processExitsWith: .success) {
            try await StatusReporterTests.run(watchdog: Watchdog(timeout: .seconds(20))) {
                reporter, services, _, messages in
                #expect(await messages().last == "WATCHDOG=1")
                await services.advance(by: .milliseconds(9999))
                #expect(await messages() == [])
                await services.advance(by: .milliseconds(1))
                #expect(await messages() == ["WATCHDOG=1"])
                await services.advance(by: .seconds(10))
                #expect(await messages() == ["WATCHDOG=1"])
                reporter.stop()
                await services.advance(by: .seconds(10))
                #expect(await messages() == [])
            }
        }
    }
}
