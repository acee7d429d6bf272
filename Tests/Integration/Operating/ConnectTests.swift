// SPDX-License-Identifier: Apache-2.0
// serverctl connect: its standard input and output become a connection of a service.

import Foundation
import Testing

extension Integration {
    @Suite("serverctl connect") struct ConnectTests {
        private let cat = ServiceFile.program("cat", listen: "127.0.0.1:0", ["/bin/cat"], "connect = true")

        @Test("all of the input goes to the service, and all that it says to the output")
        func roundTrip() throws {
            try withDaemon([cat]) { daemon in
                let text = (0..<40_000).map { "line \($0) of the input\n" }.joined()
                let result = try daemon.serverctl("connect", "cat", input: text)
                #expect(result.exitCode == 0, "\(result.errors)")
                #expect(result.output == text)
                #expect(try daemon.status(of: "cat").connectionsAccepted == 1)
            }
        }

        @Test("the handler is told of the caller's user, and never of an address")
        func environment() throws {
            let env = ServiceFile.program("env", listen: "127.0.0.1:0", ["/usr/bin/env"], "connect = true")
            try withDaemon([env]) { daemon in
                let result = try daemon.serverctl("connect", "env")
                #expect(result.exitCode == 0)
                let variables = result.output.split(separator: "\n")
                #expect(variables.contains("PROTO=IPC"))
                #expect(variables.contains("IPCREMOTEEUID=\(geteuid())"))
                #expect(variables.contains("IPCREMOTEEGID=\(getegid())"))
                #expect(variables.contains("SERVERD_SERVICE=env"))
                for prefix in ["REMOTE_", "TCP"] {
                    #expect(!variables.contains { $0.hasPrefix(prefix) }, "\(variables)")
                }
            }
        }

        @Test("it is listed and closed as every connection, and counts against the limit")
        func isConnection() throws {
            let one = ServiceFile.program(
                "cat", listen: "127.0.0.1:0", ["/bin/cat"], "connect = true\nmax_connections = 1")
            try withDaemon([one]) { daemon in
                let pipe = StandardPipe()
                let caller = try daemon.start(
                    "connect", "cat", input: .descriptor(pipe.readEnd), output: daemon.directory.path("said"))
                defer { caller.end() }
                try eventually("it is served") { try daemon.connections().map(\.state) == ["serving"] }
                let connection = try #require(try daemon.connections().first)
                #expect(connection.transport == "connect" && connection.service == "cat" && connection.pid != nil)
                let second = try daemon.serverctl("connect", "cat")
                #expect(second.exitCode == 1)
                #expect(second.errors.contains("service \"cat\" has as many connections as it may, 1"))
                #expect(try daemon.serverctl("close", "--connection", "\(connection.id)").exitCode == 0)
                #expect(try caller.wait() == 0)
            }
        }

        @Test("a service that does not allow it says so with 1; one that does not exist with 4")
        func refusals() throws {
            let closed = ServiceFile.program("closed", listen: "127.0.0.1:0", ["/bin/cat"])
            try withDaemon([closed]) { daemon in
                let refused = try daemon.serverctl("connect", "closed")
                #expect(refused.exitCode == 1)
                #expect(refused.errors.contains("\"closed\" does not have \"connect = true\" in its configuration"))
                let unknown = try daemon.serverctl("connect", "close")
                #expect(unknown.exitCode == 4)
                #expect(unknown.errors.contains("closed"), "the nearest name is told: \(unknown.errors)")
            }
        }
    }
}
