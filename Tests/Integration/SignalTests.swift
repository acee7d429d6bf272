// SPDX-License-Identifier: Apache-2.0
// How the daemon is told to end: by which signals, what it tells systemd then, and what a second signal does.

import Foundation
import Testing

extension Integration {
    @Suite("signals that end the daemon") struct SignalTests {
        @Test("TERM gives connections their time, and tells systemd how long; a second one ends them now")
        func secondSignalIsImpatient() throws {
            let cat = ServiceFile.program("cat", listen: "127.0.0.1:0", [try Programs.installed("cat")])
            let options = DaemonOptions(configuration: "drain_timeout = \"1h\"\nstop_timeout = \"20s\"\n")
            let daemon = try RunningDaemon([cat], in: TemporaryDirectory(), options)
            defer { daemon.process.end() }
            let client = try Client(daemon.endpoint("cat"))
            daemon.process.signal(SIGTERM)
            try daemon.notifications.await("STOPPING=1", from: daemon.process)
            // The drain, the stop, and a little.
            try daemon.notifications.await("EXTEND_TIMEOUT_USEC=3625000000", from: daemon.process)
            try client.send("x")
            #expect(try client.receive(1) == "x")
            daemon.process.signal(SIGTERM)
            #expect(try client.receive() == "")
            #expect(try daemon.process.wait() == 0)
        }

        @Test("who watches is told of the stop, and ends well")
        func watchersAreTold() throws {
            let echo = ServiceFile.builtin("echo", listen: "127.0.0.1:0", "echo")
            let daemon = try RunningDaemon([echo], in: TemporaryDirectory(), DaemonOptions())
            defer { daemon.process.end() }
            let text = daemon.directory.path("text")
            let watcher = try daemon.start("watch", output: text)
            defer { watcher.end() }
            try eventually("it watches") {
                let client = try Client(echoedBy: daemon.endpoint("echo"))
                client.finishSending()
                return readText(text).contains("echo: connection ")
            }
            daemon.process.signal(SIGTERM)
            #expect(try daemon.process.wait() == 0)
            #expect(try watcher.wait() == 0)
            #expect(readText(text).contains("  serverd was told to stop\n"), "\(readText(text))")
        }

        @Test("INT ends it as TERM does")
        func interruptEndsIt() throws {
            let echo = ServiceFile.builtin("echo", listen: "127.0.0.1:0", "echo")
            let daemon = try RunningDaemon([echo], in: TemporaryDirectory(), DaemonOptions())
            defer { daemon.process.end() }
            daemon.process.signal(SIGINT)
            #expect(try daemon.process.wait() == 0)
            try daemon.notifications.await("STOPPING=1", from: daemon.process)
        }

        @Test("a start that fails ends with its exit code, also when nobody reads why")
        func brokenPipeIsNoSignal() throws {
            let directory = try TemporaryDirectory()
            let configuration = try directory.write("nonsense = 1\n", to: "serverd.toml")
            let pipe = StandardPipe()
            let command = [
                try Programs.serverd, "--config", configuration, "--admin-socket", directory.path("admin.sock"),
            ]
            pipe.closeReadEnd()
            let daemon = try ChildProcess(command, errors: .descriptor(pipe.writeEnd))
            #expect(try daemon.wait() == 78)
        }
    }
}
