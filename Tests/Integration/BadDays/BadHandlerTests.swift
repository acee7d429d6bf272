// SPDX-License-Identifier: Apache-2.0
// Handlers that are missing, die, fork away or will not end: the client sees the end, the operator the reason.

import Foundation
import Testing

extension Integration {
    @Suite("bad handlers") struct BadHandlerTests {
        @Test("a killed handler: the client sees the end, the log the signal, and the next client is served")
        func killedHandlerIsReported() throws {
            let cat = ServiceFile.program("cat", listen: "127.0.0.1:0", [try Programs.installed("cat")])
            try withDaemon([cat]) { daemon in
                let client = try Client(daemon.endpoint("cat"))
                try client.send("x")
                #expect(try client.receive(1) == "x")
                let handler = try #require(daemon.census().children.first)
                kill(handler, SIGKILL)
                #expect(try client.receive() == "")
                try daemon.log.await("service=cat", "signal=SIGKILL")
                try eventually("the failure is counted") { try daemon.status(of: "cat").handlerFailures == 1 }
                let next = try Client(daemon.endpoint("cat"))
                next.finishSending()
                #expect(try next.receive() == "")
            }
        }

        @Test(
            "a program that cannot be executed is a reported failure with the step that failed",
            arguments: [("missing", "ENOENT"), ("not executable", "EACCES")])
        func unexecutableProgramIsReported(kind: String, reason: String) throws {
            let directory = try TemporaryDirectory()
            let program = directory.path("program")
            if kind == "not executable" { try directory.write("#!/bin/sh\n", to: "program", mode: 0o644) }
            let bad = ServiceFile.program("bad", listen: "127.0.0.1:0", [program])
            let good = ServiceFile.program("good", listen: "127.0.0.1:0", ["/bin/echo", "hello"])
            try withDaemon([bad, good], in: directory) { daemon in
                #expect(try Client(daemon.endpoint("bad")).receive() == "")
                try daemon.log.await("service=bad", "execve \(program): ", reason)
                try eventually("the reason is shown") {
                    try daemon.status(of: "bad").lastError?.contains(reason) == true
                }
                #expect(try Client(daemon.endpoint("good")).receive() == "hello\n")
            }
        }

        @Test("a handler that exits 1 is counted as failed, and its output arrives")
        func exitCodeIsCounted() throws {
            let service = ServiceFile.script("fails", listen: "127.0.0.1:0", "echo sorry; exit 1")
            try withDaemon([service]) { daemon in
                #expect(try Client(daemon.endpoint("fails")).receive() == "sorry\n")
                try eventually("the failure is counted") { try daemon.status(of: "fails").handlerFailures == 1 }
            }
        }

        @Test("a handler that forks and exits frees its slot, and what it left still reaches the client")
        func slotIsFreeWhenTheLeaderExits() throws {
            let directory = try TemporaryDirectory()
            let gate = try Gate(in: directory)
            let service = ServiceFile.script("forks", listen: "127.0.0.1:0", "head -n 1 \(gate.path) & exit 0")
            try withDaemon([service], in: directory) { daemon in
                let client = try Client(daemon.endpoint("forks"))
                try eventually("the slot is free") {
                    let status = try daemon.status(of: "forks")
                    return status.connectionsAccepted == 1 && status.connections == 0
                }
                gate.open(with: "late\n")
                #expect(try client.receive() == "late\n")
            }
        }

        @Test("a handler that closes its descriptors early: the client sees the end while it still runs")
        func earlyCloseReachesTheClient() throws {
            let directory = try TemporaryDirectory()
            let gate = try Gate(in: directory)
            let script = "exec 0<&- 1>&-; read line < \(gate.path)"
            let service = ServiceFile.script("early", listen: "127.0.0.1:0", script)
            try withDaemon([service], in: directory) { daemon in
                let client = try Client(daemon.endpoint("early"))
                #expect(try client.receive() == "")
                #expect(try daemon.status(of: "early").connections == 1)
                gate.open()
            }
        }

        @Test("a handler that ignores TERM does not keep the daemon from ending")
        func stubbornHandlerIsKilled() throws {
            let directory = try TemporaryDirectory()
            let gate = try Gate(in: directory)
            let script = "trap '' TERM; echo ready; read line < \(gate.path)"
            let service = ServiceFile.script("stubborn", listen: "127.0.0.1:0", script)
            let options = DaemonOptions(configuration: "drain_timeout = \"1s\"\nstop_timeout = \"1s\"\n")
            let daemon = try RunningDaemon([service], in: directory, options)
            defer { daemon.process.end() }
            let client = try Client(daemon.endpoint("stubborn"))
            #expect(try client.receive(6) == "ready\n")
            let handler = try #require(daemon.census().children.first)
            try daemon.stop()
            #expect(try client.receive() == "")
            #expect(kill(handler, 0) != 0)
        }
    }
}
