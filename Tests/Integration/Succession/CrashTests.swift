// SPDX-License-Identifier: Apache-2.0
// The daemon is killed and started again by a service manager that has kept its descriptors: sessions go on.

import Foundation
import Testing

extension Integration {
    @Suite("crash") struct CrashTests {
        @Test("sessions go on, and are listed, counted, limited and ended by the daemon that follows")
        func sessionsAreAdopted() throws {
            let cat = ServiceFile.program(
                "cat", listen: "127.0.0.1:0", [try Programs.installed("cat")], "max_connections = 4")
            let talker = ServiceFile.script(
                "talker", listen: "127.0.0.1:0", "while read line; do echo $line; echo said $line >&2; done")
            let manager = try ManagedDaemon([cat, talker])
            let endpoint = try manager.endpoint("cat")
            let sessions = try (0..<3).map { _ in try manager.openSession("cat") }
            let speaker = try manager.openSession("talker")
            let before = try manager.connectionList()

            try manager.double.crash()

            #expect(try manager.endpoint("cat") == endpoint)
            #expect(try manager.connectionList().map(\.id) == before.map(\.id))
            #expect(try manager.connectionList().map(\.pid) == before.map(\.pid))
            #expect(try manager.connectionList().map(\.peer) == before.map(\.peer))
            for session in sessions {
                try session.send("x")
                #expect(try session.receive(1) == "x")
            }
            // What it says keeps its connection.
            try speaker.send("later\n")
            let id = try #require(before.first { $0.service == "talker" }?.id)
            try manager.double.awaitLog("said later", "connection=\(id)")
            // The fourth is the last; the fifth waits until an adopted one is ended.
            let fourth = try manager.openSession("cat")
            #expect(try manager.status(of: "cat").state == "full")
            let fifth = try Client(endpoint)
            try fifth.send("hello\n")
            #expect(try manager.serverctl("close", "--connection", "\(before[0].id)").exitCode == 0)
            #expect(try fifth.receive(6) == "hello\n")
            #expect(try sessions[0].receive() == "")
            #expect(try #require(manager.connectionList().last).id > #require(before.last).id)
            withExtendedLifetime(fourth) {}
            #expect(try manager.double.stop() == 0)
        }

        @Test("the end of an adopted program is unknown, and is no failure")
        func endIsUnknown() throws {
            let manager = try ManagedDaemon([
                .script("once", listen: "127.0.0.1:0", "while read line; do echo $line; done; exit 9")
            ])
            let session = try manager.openSession("once")
            try manager.double.crash()
            session.finishSending()
            #expect(try session.receive() == "")
            try manager.double.awaitLog("connection ended")
            #expect(!manager.double.logText.contains("exit_code=9"))
            #expect(try manager.status(of: "once").handlerFailures == 0)
            #expect(try manager.status(of: "once").connections == 0)
            #expect(try manager.double.stop() == 0)
        }

        @Test("what operators have closed, suspended and limited is so again, until they undo it")
        func operatorSettingsStay() throws {
            let names = ["closed", "held", "limited", "plain"]
            let manager = try ManagedDaemon(
                try names.map { .program($0, listen: "127.0.0.1:0", [try Programs.installed("cat")]) })
            for words in [["close", "closed"], ["suspend", "held"], ["set-limit", "limited", "3"]] {
                #expect(try manager.serverctl(words).exitCode == 0)
            }
            try eventually("it is kept") { manager.double.timesKept("serverd-operators") == 3 }

            try manager.double.crash()

            #expect(
                try names.map { try manager.status(of: $0).state } == ["closed", "suspended", "listening", "listening"])
            #expect(try manager.status(of: "limited").connectionLimit == 3)
            try manager.double.awaitLog("what operators had closed", "services=\"closed held limited\"")
            #expect(try manager.serverctl("open", "closed").exitCode == 0)
            #expect(try manager.serverctl("resume", "held").exitCode == 0)
            try eventually("that is kept, too") { manager.double.timesKept("serverd-operators") == 5 }

            try manager.double.crash()

            #expect(try names.allSatisfy { try manager.status(of: $0).state == "listening" })
            #expect(try manager.status(of: "limited").connectionLimit == 3)
            withExtendedLifetime(try manager.openSession("closed")) {}
            #expect(try manager.double.stop() == 0)
        }

        @Test("a drain is over with the next daemon, also when an image has followed; what was closed stays")
        func drainIsOver() throws {
            let manager = try ManagedDaemon(
                try ["cat", "gone", "held"].map { .program($0, listen: "127.0.0.1:0", [try Programs.installed("cat")]) }
            )
            #expect(try manager.serverctl(["close", "gone"]).exitCode == 0)
            #expect(try manager.serverctl(["suspend", "held"]).exitCode == 0)
            #expect(try manager.serverctl(["drain"]).exitCode == 0)
            #expect(try manager.serverctl(["reexec"]).exitCode == 0)
            #expect(try manager.status(of: "cat").state == "closed")
            try eventually("it is kept") { manager.double.timesKept("serverd-operators") >= 1 }
            try manager.double.crash()
            #expect(try manager.status(of: "cat").state == "listening")
            #expect(try manager.status(of: "gone").state == "closed")
            #expect(try manager.status(of: "held").state == "suspended")
            #expect(try manager.double.stop() == 0)
        }

        @Test("a stop closes every service, and the next start opens them")
        func stopSetsNothing() throws {
            let manager = try ManagedDaemon([.builtin("echo", listen: "127.0.0.1:0", "echo")])
            #expect(try manager.double.stop() == 0)
            try manager.double.start()
            #expect(try manager.status(of: "echo").state == "listening")
            #expect(try manager.double.stop() == 0)
        }

        @Test("what a service does not want any more is closed and unlinked, its programs drain")
        func removedServiceIsGivenUp() throws {
            let directory = try TemporaryDirectory()
            let path = directory.path("gone.sock")
            let manager = try ManagedDaemon(
                [.program("gone", listen: path, [try Programs.installed("cat")])], in: directory,
                configuration: "drain_timeout = \"1h\"\n")
            let session = try manager.openSession("gone")
            unlink(directory.path("services.d/gone.toml"))
            try manager.double.crash()
            #expect(access(path, F_OK) != 0)
            try eventually("the listener is not kept") {
                !manager.double.keptNames.contains { $0.hasPrefix("serverd-listen-") }
            }
            #expect(try manager.connectionList().count == 1)
            try session.send("x")
            #expect(try session.receive(1) == "x")
            session.finishSending()
            #expect(try session.receive() == "")
            try eventually("nothing is left of it") { try manager.connectionList().isEmpty }
            #expect(try manager.double.stop() == 0)
        }

        @Test("a stop gives every listener up, and removes socket files")
        func stopGivesUp() throws {
            let directory = try TemporaryDirectory()
            let path = directory.path("cat.sock")
            let manager = try ManagedDaemon(
                [.program("cat", listen: path, [try Programs.installed("cat")])], in: directory)
            #expect(manager.double.keptNames.contains { $0.hasPrefix("serverd-listen-") })
            #expect(manager.double.keptNames.contains("serverd-state"))
            try manager.double.crash()
            withExtendedLifetime(try manager.openSession("cat")) {}
            #expect(try manager.double.stop() == 0)
            #expect(access(path, F_OK) != 0)
            try eventually("no listener is kept") {
                !manager.double.keptNames.contains { $0.hasPrefix("serverd-listen-") }
            }
        }

        @Test("killed again and again under load, no session is lost, and only clients not yet handed over are")
        func crashesUnderLoad() throws {
            let port = try ReservedPort()
            let manager = try ManagedDaemon([
                .program("hello", listen: "127.0.0.1:\(port.number)", ["/bin/echo", "hello"]),
                .program("cat", listen: "127.0.0.1:0", [try Programs.installed("cat")]),
            ])
            let sessions = try (0..<10).map { _ in try manager.openSession("cat") }
            let load = Load(on: port.endpoint, perSecond: 100, expecting: "hello")
            let crashes = 10
            for _ in 0..<crashes { try manager.double.crash() }
            let (served, failures) = load.end()
            // In each crash those that were accepted and whose program had not begun: as many as are accepted at once.
            #expect(failures.count <= crashes * 4, "\(failures.count) of \(served): \(failures.prefix(5))")
            for session in sessions {
                try session.send("s")
                #expect(try session.receive(1) == "s")
            }
            #expect(try manager.connectionList().filter { $0.service == "cat" }.count == sessions.count)
            #expect(try manager.double.stop() == 0)
        }
    }
}

/// A daemon under a ``ServiceManagerDouble``.
private final class ManagedDaemon {
    let double: ServiceManagerDouble
    private let directory: TemporaryDirectory
    private let adminSocket: String

    init(
        _ services: [ServiceFile], in directory: TemporaryDirectory? = nil,
        configuration: String = "drain_timeout = \"100ms\"\n"
    ) throws {
        let directory = try directory ?? TemporaryDirectory()
        self.directory = directory
        adminSocket = directory.path("admin.sock")
        for service in services { try directory.write(service.text, to: "services.d/\(service.name).toml") }
        let file = try directory.write(configuration, to: "serverd.toml")
        double = try ServiceManagerDouble(
            [try Programs.serverd, "--config", file, "--admin-socket", adminSocket], in: directory)
        try double.start()
    }

    func serverctl(_ words: String...) throws -> RunResult { try serverctl(words) }

    func serverctl(_ words: [String]) throws -> RunResult {
        try run([Programs.serverctl, "--admin-socket", adminSocket] + words)
    }

    func status(of service: String) throws -> DaemonStatus.Service {
        let result = try serverctl("status", "--json=short")
        return try JSONDecoder().decode(DaemonStatus.self, from: Data(result.output.utf8)).service(service)
    }

    func endpoint(_ service: String) throws -> Endpoint {
        try Endpoint(#require(status(of: service).addresses.first))
    }

    func openSession(_ service: String) throws -> Client {
        let client = try Client(endpoint(service))
        try client.send("hello\n")
        guard try client.receive(6) == "hello\n" else { throw TestFailure("\(service) does not answer") }
        return client
    }

    func connectionList() throws -> [ListedConnection] {
        try listedConnections(in: serverctl("connections", "--json=short"))
    }
}
