// SPDX-License-Identifier: Apache-2.0
// The protocols that the daemon speaks itself, byte by byte.

import EventLoops
import Glibc
import ManagerInterface
import SocketServer
import Sockets
import TestSupport
import Testing

@testable import Daemon
@testable import ServiceConfig

@Suite("Built-in handlers", .timeLimit(.minutes(5)))
struct BuiltInHandlersTests {
    static func run(
        _ builtIn: BuiltInService, onHandlerError: ServiceDefinition.OnHandlerError = .ignore,
        _ body: @escaping @Sendable (Services, Endpoint) async throws -> Void
    ) async throws {
        let endpoint = try Endpoint()
        let definition = try service(on: endpoint, handler: .builtIn(builtIn), onHandlerError: onHandlerError)
        try await withServices(definition) { try await body($0, endpoint) }
    }

    @Test("echo sends back what it gets, also after the peer has said that no more will come")
    func echo() async throws {
        try await Self.run(.echo) { services, endpoint in
            let client = try endpoint.connect(services)
            try client.write("one")
            #expect(try await client.read(3) == Array("one".utf8))
            let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            try client.write(bytes)
            client.finishWriting()
            #expect(try await client.readToEnd() == bytes)
            await client.close()
        }
    }

    @Test("discard sends nothing, and ends when the peer does")
    func discard() async throws {
        try await Self.run(.discard) { services, endpoint in
            let client = try endpoint.connect(services)
            try client.write([UInt8](repeating: 7, count: 100_000))
            await settle(services.loop)
            #expect(client.pending == .nothing)
            client.finishWriting()
            #expect(try await client.readToEnd() == [])
            await client.close()
        }
    }

    @Test("daytime's line is the date and time in UTC")
    func daytimeLine() {
        #expect(BuiltInService.daytimeLine(0) == "Thursday, January 01, 1970 00:00:00-UTC\r\n")
        #expect(BuiltInService.daytimeLine(1_795_403_291) == "Monday, November 23, 2026 03:08:11-UTC\r\n")
        #expect(BuiltInService.daytimeLine(951_782_399) == "Monday, February 28, 2000 23:59:59-UTC\r\n")
        #expect(BuiltInService.daytimeLine(951_782_400) == "Tuesday, February 29, 2000 00:00:00-UTC\r\n")
    }

    @Test("time's bytes count the seconds since 1900, and begin anew in 2036")
    func timeBytes() {
        // The examples of RFC 868.
        #expect(BuiltInService.timeBytes(0) == [0x83, 0xaa, 0x7e, 0x80])
        #expect(BuiltInService.timeBytes(-2_208_988_800) == [0, 0, 0, 0])
        #expect(BuiltInService.timeBytes(2_085_978_495) == [0xff, 0xff, 0xff, 0xff])
        #expect(BuiltInService.timeBytes(2_085_978_496) == [0, 0, 0, 0])
        #expect(BuiltInService.timeBytes(2_085_978_497) == [0, 0, 0, 1])
    }

    @Test("daytime and time say what the clock says, and end", arguments: [BuiltInService.daytime, .time])
    func clock(_ builtIn: BuiltInService) async throws {
        try await Self.run(builtIn) { services, endpoint in
            let before = Glibc.time(nil)
            let client = try endpoint.connect(services)
            let answer = try await client.readToEnd()
            let possible = (before...Glibc.time(nil)).map {
                builtIn == .time ? BuiltInService.timeBytes($0) : Array(BuiltInService.daytimeLine($0).utf8)
            }
            #expect(possible.contains(answer))
            await client.close()
        }
    }

    @Test("chargen's lines have 72 characters, each begins one later, and after 95 they begin anew")
    func chargen() async throws {
        try await Self.run(.chargen) { services, endpoint in
            let client = try endpoint.connect(services)
            let bytes = try await client.read(74 * 200)
            for line in 0..<200 {
                let expected = (0..<72).map { UInt8(32 + (line + $0) % 95) } + [13, 10]
                #expect(Array(bytes[(line * 74)..<((line + 1) * 74)]) == expected)
            }
            await client.close()
            await services.wait { $0.connections == 0 }
        }
    }

    @Test("clients that read chargen without end, or not at all, do not keep others waiting")
    func fairness() async throws {
        let endpoint = try Endpoint()
        let other = try Endpoint()
        try await withServices(
            service("chargen", on: endpoint, handler: .builtIn(.chargen)), service("echo", on: other)
        ) { services in
            let silent = try endpoint.connect(services)
            let greedy = try endpoint.connect(services)
            let reading = Task(executorPreference: services.loop) {
                while try await !greedy.socket.receive(upTo: 65_536).isEmpty {}
            }
            for _ in 0..<100 {
                let client = try other.connect(services)
                try client.write("x")
                #expect(try await client.read(1) == [UInt8(ascii: "x")])
                await client.close()
            }
            await greedy.close()
            _ = await reading.result
            await silent.close()
            await services.wait("chargen") { $0.connections == 0 }
        }
    }

    /// What a peer can do to a handler.
    enum Misdeed: CaseIterable {
        case leaves, resets, readsNothing
    }

    @Test(
        "a peer that leaves, resets, or reads nothing for two minutes is given up, and closes no service that raises",
        arguments: [BuiltInService.chargen, .echo], Misdeed.allCases)
    func misdeeds(_ builtIn: BuiltInService, _ misdeed: Misdeed) async throws {
        try await Self.run(builtIn, onHandlerError: .raise) { services, endpoint in
            let client = try endpoint.connect(services)
            await services.wait { $0.connections == 1 }
            if builtIn == .echo {
                // More than the two sockets' buffers and the writer take: it cannot all come back unread.
                while case .success = client.socket.sendNow([UInt8](repeating: 7, count: 65_536)[...]) {
                    await settle(services.loop)
                }
            }
            await settle(services.loop)
            switch misdeed {
            case .leaves: await client.close()
            case .resets: client.reset()
            case .readsNothing: await services.advance(by: .seconds(122))
            }
            await services.wait { $0.connections == 0 }
            await client.close()
            let status = await services.status()
            #expect(status.state == .listening && status.handlerFailures == 0 && status.lastError == nil)
            let next = try endpoint.connect(services)
            try next.write("x")
            #expect(try await next.read(1).count == 1)
            await next.close()
        }
    }
}
