// SPDX-License-Identifier: Apache-2.0
// The daemon replaces itself in its process, and nobody notices.

import Foundation
import Testing

extension Integration {
    @Suite("reexec") struct ReexecTests {
        @Test("sessions, ids, counters, limits and suspensions go on in the same process")
        func everythingGoesOn() throws {
            let services = [
                ServiceFile.program("cat", listen: "127.0.0.1:0", [try Programs.installed("cat")]),
                .script("file", listen: "@serverd-reexec-\(getpid())", "read line; echo \"got $line\"; exit 7"),
                .program("held", listen: "127.0.0.1:0", [try Programs.installed("cat")]),
            ]
            try withDaemon(services) { daemon in
                let before = try daemon.status()
                let clients = try (0..<3).map { _ in try daemon.openSession("cat") }
                let reader = try Client(daemon.endpoint("file"))
                try eventually("the reader is served") { try daemon.status(of: "file").connections == 1 }
                #expect(try daemon.serverctl("set-limit", "cat", "17").exitCode == 0)
                #expect(try daemon.serverctl("suspend", "held").exitCode == 0)
                let ids = try daemon.connectionIDs()
                let endpoint = try daemon.endpoint("cat")

                let result = try daemon.serverctl("reexec")
                #expect(result.exitCode == 0, "\(result.errors)\(daemon.log.text)")
                #expect(result.output.contains("has taken the place of"))

                let after = try daemon.status()
                #expect(after.daemon.pid == daemon.process.pid)
                #expect(after.daemon.images == before.daemon.images + 1)
                #expect(after.daemon.startTimestamp == before.daemon.startTimestamp)
                #expect(try daemon.connectionIDs() == ids)
                #expect(try daemon.endpoint("cat") == endpoint)
                #expect(try after.service("cat").connectionLimit == 17)
                #expect(try after.service("cat").connections == 3)
                #expect(try after.service("cat").connectionsAccepted == 3)
                #expect(try after.service("held").state == "suspended")
                for (number, client) in clients.enumerated() {
                    try client.send("after \(number)\n")
                    #expect(try client.receive(8) == "after \(number)\n")
                }
                // Its program is our child still: how it ends is known.
                try reader.send("x\n")
                #expect(try reader.receive() == "got x\n")
                try daemon.log.await("connection ended", "exit_code=7")
                #expect(try daemon.status(of: "file").handlerFailures == 1)
                let next = try daemon.openSession("cat")
                #expect(try #require(daemon.connectionIDs().max()) > #require(ids.max()))
                withExtendedLifetime(next) {}
                #expect(try daemon.serverctl("close", "--connection", "\(ids[0])").exitCode == 0)
                #expect(try daemon.serverctl("resume", "held").exitCode == 0)
            }
        }

        @Test("a program that ends while the daemon is replaced is waited for by the next image")
        func pendingExitSurvives() throws {
            let directory = try TemporaryDirectory()
            let gate = try Gate(in: directory)
            let service = ServiceFile.script("slow", listen: "127.0.0.1:0", "read line < \(gate.path); exit 3")
            // An image that begins when its handler has ended: the wrapper waits for that. A shell would reap the handler.
            let program = try directory.installedDaemon()
            try withDaemon([service], in: directory, DaemonOptions(program: program)) { daemon in
                let client = try Client(daemon.endpoint("slow"))
                try eventually("the handler runs") { !daemon.census().children.isEmpty }
                let handler = try #require(daemon.census().children.first)
                try directory.replaceDaemon(
                    """
                    #!/usr/bin/env python3
                    import os, sys
                    if not any("--check-state" in word for word in sys.argv):
                        open("\(gate.path)", "w").write("go\\n")
                        while ") Z " not in open("/proc/\(handler)/stat").read(): pass
                    os.execv("\(Programs.serverd)", sys.argv)
                    """)
                #expect(try daemon.serverctl("reexec").exitCode == 0)
                try daemon.log.await("connection ended", "exit_code=3")
                #expect(try client.receive() == "")
                #expect(try daemon.status(of: "slow").connections == 0)
            }
        }

        @Test("watch goes on with the next image")
        func watched() throws {
            try withDaemon([.program("cat", listen: "127.0.0.1:0", [try Programs.installed("cat")])]) { daemon in
                let text = daemon.directory.path("text")
                let watcher = try daemon.start("watch", output: text)
                defer { watcher.end() }
                func sees(_ limits: String...) throws {
                    // Nothing tells when it watches: it happens until it is told.
                    try eventually("a change of the limit is told") {
                        for limit in limits { _ = try daemon.serverctl("set-limit", "cat", limit) }
                        return readText(text).contains("of at most \(limits[0]) connections")
                    }
                }
                try sees("2", "3")
                #expect(try daemon.serverctl("reexec").exitCode == 0)
                try sees("4", "5")
                watcher.signal(SIGINT)
                #expect(try watcher.wait() == 128 + SIGINT)
            }
        }

        @Test("a connection that the daemon serves itself is ended after a while, and that is said")
        func builtInConnectionsEnd() throws {
            try withDaemon([.builtin("echo", listen: "127.0.0.1:0", "echo")]) { daemon in
                let client = try daemon.openSession("echo")
                let result = try daemon.serverctl("reexec")
                #expect(result.exitCode == 0)
                #expect(result.output.contains("ended connections: 1"))
                #expect(try client.receive() == "")
                withExtendedLifetime(try daemon.openSession("echo")) {}
            }
        }

        @Test("what is at the path takes the place, also when the program before was moved aside")
        func movedAside() throws {
            let directory = try TemporaryDirectory()
            let program = try directory.installedDaemon()
            let echo = ServiceFile.builtin("echo", listen: "127.0.0.1:0", "echo")
            try withDaemon([echo], in: directory, DaemonOptions(program: program)) { daemon in
                try #require(rename(program, program + ".old") == 0)
                _ = try directory.installedDaemon()
                let result = try daemon.serverctl("reexec")
                #expect(result.exitCode == 0, "\(result.errors)")
                let link = "/proc/\(daemon.process.pid)/exe"
                #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == program)
            }
        }

        /// How many times: `make soak` asks for more.
        private static let rounds =
            ProcessInfo.processInfo.environment["SERVERD_TEST_REEXEC_ROUNDS"].flatMap { Int($0) } ?? 20

        @Test("under a load of new connections none fails, however often the daemon is replaced")
        func nobodyIsLost() throws {
            let port = try ReservedPort()
            let services = [
                ServiceFile.program("hello", listen: "127.0.0.1:\(port.number)", ["/bin/echo", "hello"]),
                .program("cat", listen: "127.0.0.1:0", [try Programs.installed("cat")]),
            ]
            try withDaemon(services) { daemon in
                let sessions = try (0..<10).map { _ in try daemon.openSession("cat") }
                let load = Load(on: port.endpoint, perSecond: 100, expecting: "hello")
                for _ in 0..<Self.rounds {
                    let result = try daemon.serverctl("reexec")
                    #expect(result.exitCode == 0, "\(result.errors)")
                }
                let (served, failures) = load.end()
                #expect(failures.isEmpty, "\(failures.count) of \(served): \(failures.prefix(5))")
                for session in sessions {
                    try session.send("s")
                    #expect(try session.receive(1) == "s")
                }
                #expect(try daemon.status().daemon.images == Self.rounds + 1)
                #expect(try daemon.status(of: "hello").connectionsAccepted == served)
                #expect(try daemon.status(of: "hello").handlerFailures == 0)
            }
        }
    }

    /// What may be at the daemon's path after an upgrade that went wrong.
    enum WrongProgram: CaseIterable, CustomTestStringConvertible {
        case exits, dies, saysNothing, missing, directory

        var testDescription: String { message }

        var message: String {
            switch self {
            case .exits: "it cannot take over (exit code 1): wrong"
            case .dies: "it was ended by SIGSEGV"
            case .saysNothing: "it is no serverd that can take over"
            case .missing: "No such file or directory"
            case .directory: "Permission denied"
            }
        }

        func put(in directory: TemporaryDirectory) throws {
            switch self {
            case .exits: try directory.replaceDaemon("#!/bin/sh\necho wrong >&2\nexit 1\n")
            case .dies: try directory.replaceDaemon("#!/bin/sh\nkill -SEGV $$\n")
            case .saysNothing: try directory.replaceDaemon("#!/bin/sh\nexit 0\n")
            case .missing: unlink(directory.path("serverd"))
            case .directory:
                unlink(directory.path("serverd"))
                mkdir(directory.path("serverd"), 0o755)
            }
        }
    }
}

extension TemporaryDirectory {
    /// Copies the built daemon to a place of the test's own, where it can be replaced.
    func installedDaemon() throws -> String {
        try succeed([Programs.installed("install"), "-m", "755", Programs.serverd, path("serverd")])
        return path("serverd")
    }

    /// Puts another program in its place, as a package's upgrade does: the file is renamed over the old one.
    func replaceDaemon(_ text: String) throws {
        let new = try writeProgram(text, to: "serverd.new")
        guard rename(new, path("serverd")) == 0 else {
            throw TestFailure("rename: \(String(cString: strerror(errno)))")
        }
    }
}

extension RunningDaemon {
    /// A client whose handler has answered.
    func openSession(_ service: String) throws -> Client {
        let client = try Client(endpoint(service))
        try client.send("hello\n")
        guard try client.receive(6) == "hello\n" else { throw TestFailure("\(service) does not answer") }
        return client
    }

    /// The ids of all connections, in order.
    func connectionIDs() throws -> [UInt64] { try connectionList().map(\.id) }

    /// All connections as serverctl shows them.
    func connectionList() throws -> [ListedConnection] {
        try listedConnections(in: serverctl("connections", "--json=short"))
    }
}

/// What `serverctl connections --json` has said, by id.
func listedConnections(in result: RunResult) throws -> [ListedConnection] {
    guard result.exitCode == 0 else { throw TestFailure("serverctl connections: \(result.errors)") }
    return try JSONDecoder().decode(ConnectionsReply.self, from: Data(result.output.utf8)).connections
        .sorted { $0.id < $1.id }
}

/// A connection, as far as the tests look at it.
struct ListedConnection: Decodable, Equatable {
    let id: UInt64
    let service: String
    let pid: Int32?
    let peer: String
    let startTimestamp: Int64
}

private struct ConnectionsReply: Decodable {
    let connections: [ListedConnection]
}
