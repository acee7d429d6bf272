// SPDX-License-Identifier: Apache-2.0
// What an operator can ask and change over the admin socket, and who may.

import EventLoops
import Glibc
import ManagerInterface
import Policy
import SocketServer
import Sockets
import Systemd
import TestSupport
import Testing
import Varlink

@testable import Daemon
@testable import ServiceConfig

@Suite("ManagerMethods", .timeLimit(.minutes(5)))
struct ManagerMethodsTests {
    /// Calls a method as root would, without a socket.
    private func call<M: ManagerMethod>(
        _ method: M.Type, _ parameters: M.Parameters, _ services: Services, as caller: AdminCaller = .root
    ) async throws -> M.Result {
        try await callManager(method, parameters, services, as: caller)
    }

    @Test("a connection of a program is listed with its peer, its process and what that uses")
    func connections() async throws {
        let endpoint = try Endpoint()
        try await withServices(service("cat", on: endpoint, handler: shell("exec cat"))) { services in
            let client = try TestClient.connect(to: endpoint.address, on: services.loop)
            try client.write("x")
            #expect(try await client.socket.receive(upTo: 1) == [UInt8(ascii: "x")])
            let all = try await call(Manager.ListConnections.self, .init(), services)
            let one = try #require(all.connections.first)
            #expect(all.connections.count == 1 && all.complete)
            #expect(one.service == "cat" && one.state == .serving && one.transport == .unix)
            #expect(one.pid != nil && one.memory != nil && one.cpuTime != nil)
            #expect(one.unixPeer?.pid == getpid())
            let described = try await call(Manager.DescribeConnection.self, .init(id: one.id), services)
            #expect(described.command?.last == "exec cat" && described.connection.id == one.id)
            let none = try await call(
                Manager.ListConnections.self, .init(filter: .init(olderThan: 3_600_000_000)), services)
            #expect(none.connections.isEmpty)
            await #expect(throws: VarlinkError(Manager.NoSuchConnection(id: 999))) {
                try await call(Manager.DescribeConnection.self, .init(id: 999), services)
            }
            await client.close()
        }
    }

    @Test("a filter that cannot be understood is an error that names the condition")
    func invalidFilter() async throws {
        try await withServices(service("cat", on: try Endpoint())) { services in
            for (filter, field) in [
                (ConnectionFilter(peer: "10.0.0.1/8"), "peer"), (ConnectionFilter(olderThan: -1), "olderThan"),
            ] {
                let error = await #expect(throws: VarlinkError.self) {
                    try await call(Manager.ListConnections.self, .init(filter: filter), services)
                }
                #expect(error?.as(Manager.InvalidFilter.self)?.field == field)
            }
        }
    }

    @Test("a suspended service accepts nobody, keeps whom it has, and goes on when it is resumed")
    func suspension() async throws {
        let endpoint = try Endpoint()
        try await withServices(service("cat", on: endpoint, handler: shell("exec cat"))) { services in
            let first = try TestClient.connect(to: endpoint.address, on: services.loop)
            try first.write("a")
            #expect(try await first.socket.receive(upTo: 1) == [UInt8(ascii: "a")])
            let suspended = try await call(Manager.SuspendService.self, .init(service: "cat"), services)
            #expect(suspended.service.state == .suspended)
            let second = try TestClient.connect(to: endpoint.address, on: services.loop)
            try second.write("b")
            try first.write("c")
            #expect(try await first.socket.receive(upTo: 1) == [UInt8(ascii: "c")])
            #expect(await services.status("cat").connectionsAccepted == 1)
            #expect(
                try await call(Manager.SuspendService.self, .init(service: "cat"), services).service.state == .suspended
            )
            #expect(
                try await call(Manager.ResumeService.self, .init(service: "cat"), services).service.state == .listening)
            #expect(try await second.socket.receive(upTo: 1) == [UInt8(ascii: "b")])
            await first.close()
            await second.close()
        }
    }

    @Test("an address that a service gets while it is suspended accepts nobody either")
    func suspendedAddress() async throws {
        let tree = try TemporaryTree()
        let (endpoint, taken) = try (Endpoint(), Endpoint(in: tree))
        let occupant = taken.occupy()
        try await withServices(service("cat", on: endpoint, taken)) { services in
            _ = try await call(Manager.SuspendService.self, .init(service: "cat"), services)
            taken.free(occupant)
            await services.advance(by: .seconds(1))
            await services.wait("cat") { $0.failure == nil }
            let client = try taken.connect(services, sending: "x")
            await settle(services.loop)
            #expect(await services.status("cat").connectionsAccepted == 0)
            _ = try await call(Manager.ResumeService.self, .init(service: "cat"), services)
            #expect(try await client.read(2) == Array("x\n".utf8))
            await client.close()
        }
        withExtendedLifetime(tree) {}
    }

    @Test("a daemon that is ending changes nothing any more, and says so")
    func ending() async throws {
        try await withServices(service("cat", on: try Endpoint())) { services in
            await services.manager.drain()
            await #expect(throws: VarlinkError(Manager.DaemonStopping())) {
                try await call(Manager.SetLimit.self, .init(service: "cat", maxConnections: 1), services)
            }
            await #expect(throws: VarlinkError(Manager.DaemonStopping())) {
                try await callManager(
                    Manager.Connect.self, .init(service: "cat"), services, as: .root, mode: .upgrade)
            }
        }
    }

    @Test("whoever closes something is logged, with what was asked for, and who may not is not")
    func closingsAreLogged() async throws {
        try await withServices(service("cat", on: try Endpoint())) { services in
            _ = try? await call(
                Manager.CloseService.self, .init(service: "cat"), services,
                as: AdminCaller(uid: 1000, pid: 1, gid: 1000))
            await #expect(throws: VarlinkError(Manager.NoSuchConnection(id: 7))) {
                try await call(Manager.CloseConnection.self, .init(id: 7), services)
            }
            #expect(services.log.lines("<5>changed by an operator").isEmpty)
            _ = try await call(Manager.CloseService.self, .init(service: "cat"), services)
            _ = try await call(Manager.Drain.self, .init(grace: 0), services)
            let lines = services.log.lines("<5>changed by an operator")
            #expect(lines.count == 2 && lines.allSatisfy { $0.contains("uid=0") })
            #expect(lines.first?.contains("method=CloseService") == true, "\(lines)")
            #expect(lines.last?.contains("method=Drain") == true && lines.last?.contains("grace") == true, "\(lines)")
        }
    }

    @Test("a lower limit holds back the next connection, a higher one lets it in")
    func limits() async throws {
        let endpoint = try Endpoint()
        try await withServices(service("cat", on: endpoint, handler: shell("exec cat"))) { services in
            #expect(
                try await call(Manager.SetLimit.self, .init(service: "cat", maxConnections: 1), services).service
                    .connectionLimit == 1)
            let first = try TestClient.connect(to: endpoint.address, on: services.loop)
            try first.write("a")
            #expect(try await first.socket.receive(upTo: 1) == [UInt8(ascii: "a")])
            let second = try TestClient.connect(to: endpoint.address, on: services.loop)
            try second.write("b")
            await services.wait("cat") { $0.state == .full }
            _ = try await call(Manager.SetLimit.self, .init(service: "cat", maxConnections: 2), services)
            #expect(try await second.socket.receive(upTo: 1) == [UInt8(ascii: "b")])
            for wrong in [0, -1, 10_001] {
                let error = await #expect(throws: VarlinkError.self) {
                    try await call(Manager.SetLimit.self, .init(service: "cat", maxConnections: wrong), services)
                }
                #expect(error?.as(Manager.LimitOutOfRange.self)?.maximum == 10_000)
            }
            await first.close()
            await second.close()
        }
    }

    @Test("settings show the limit in effect, and whose it is: the file's, the operator's, nobody's")
    func limitOrigin() async throws {
        let endpoint = try Endpoint()
        let text = "listen = \"\(endpoint.address)-%\"\nbuiltin = \"echo\"\n"
        let files = ["max_connections = 7\n", ""].enumerated().map { number, line in
            SourceFile(path: "s\(number).toml", text: text.replacing("%", with: "\(number)") + line)
        }
        let configuration = try Configuration(main: nil, services: files, context: .current())
        try await withServices(service("other", on: endpoint)) { services in
            let manager = ServiceManager(services.manager.context, configuration)
            try await manager.open(
                configuration.services, claiming: InheritedSockets(InheritedDescriptors(adopting: [])))
            func limit(of name: String) async throws -> ManagerInterface.Setting? {
                try await manager.describe(service: name).settings.first { $0.key == "max_connections" }
            }
            let usual = "\(ServerOptions.defaultMaxConnections)"
            #expect(
                try await limit(of: "s0")
                    == Setting(key: "max_connections", value: "7", origin: .file, file: "s0.toml", line: 3))
            #expect(try await limit(of: "s1") == Setting(key: "max_connections", value: usual, origin: .default))
            for (name, number) in [("s0", 8), ("s1", 9)] {
                try await manager.service(named: name).setLimit(number)
                #expect(
                    try await limit(of: name)
                        == Setting(key: "max_connections", value: "\(number)", origin: .operator))
            }
            try await manager.service(named: "s0").setLimit(7)
            #expect(try await limit(of: "s0")?.origin == .file)
            await manager.drain()
        }
    }

    @Test("without a permission a call is refused with what it needs; readers read, operators change too")
    func permissions() async throws {
        let access = AdminAccess(readers: [Group(name: "r", gid: 7)], operators: [Group(name: "o", gid: 8)])
        let settings = DaemonSettings(access: access)
        try await withServices(service("cat", on: try Endpoint()), settings: settings) { services in
            let cases: [(AdminCaller, Bool, Bool)] = [
                (.init(uid: 1000, pid: 1, gid: 1000), false, false),
                (.init(uid: 1000, pid: 1, gid: 1000, supplementaryGroups: [7], disconnect: {}), true, false),
                (.init(uid: 1000, pid: 1, gid: 8), true, true), (.init(uid: 4321, pid: 1, gid: 1), true, true),
                (.root, true, true),
            ]
            for (caller, mayRead, mayOperate) in cases {
                let read = try? await call(GetStatus.self, .init(), services, as: caller)
                #expect((read != nil) == mayRead)
                do {
                    _ = try await call(Manager.SuspendService.self, .init(service: "cat"), services, as: caller)
                    #expect(mayOperate)
                } catch let error as VarlinkError {
                    #expect(!mayOperate && error.as(Manager.NotPermitted.self)?.needs == .operate)
                }
            }
            #expect(services.log.lines.contains { $0.contains("changed by an operator") })
        }
    }
}

extension AdminCaller {
    fileprivate static let root = AdminCaller(uid: 0, pid: getpid(), gid: 0)
}
