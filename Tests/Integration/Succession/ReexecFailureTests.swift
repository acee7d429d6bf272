// SPDX-License-Identifier: Apache-2.0
// When the daemon cannot be replaced: a reason is told before anything happens, or the image before goes on.

import Foundation
import Testing

extension Integration {
    @Suite("reexec that fails") struct ReexecFailureTests {
        @Test(
            "a wrong program at the daemon's path is refused, and the daemon goes on",
            arguments: WrongProgram.allCases)
        func wrongProgramIsRefused(_ wrong: WrongProgram) throws {
            let directory = try TemporaryDirectory()
            let service = ServiceFile.program("cat", listen: "127.0.0.1:0", [try Programs.installed("cat")])
            let program = try directory.installedDaemon()
            try withDaemon([service], in: directory, DaemonOptions(program: program)) { daemon in
                let client = try daemon.openSession("cat")
                try wrong.put(in: directory)
                let result = try daemon.serverctl("reexec")
                #expect(result.exitCode == 1)
                #expect(result.errors.contains(wrong.message), "\(result.errors)")
                #expect(result.errors.contains("the serverd that runs goes on"))
                try client.send("y")
                #expect(try client.receive(1) == "y")
                withExtendedLifetime(try daemon.openSession("cat")) {}
                #expect(try daemon.status().daemon.images == 1)
            }
        }

        @Test("a configuration with a mistake is refused before anything happens")
        func wrongConfigurationIsRefused() throws {
            let service = ServiceFile.program("cat", listen: "127.0.0.1:0", [try Programs.installed("cat")])
            try withDaemon([service]) { daemon in
                try daemon.directory.write("nonsense = 1\n", to: "serverd.toml")
                let result = try daemon.serverctl("reexec")
                #expect(result.exitCode == 1)
                #expect(result.errors.contains("nonsense"))
                withExtendedLifetime(try daemon.openSession("cat")) {}
            }
        }

        /// Has a reexec execute a script, which fails after the check, and runs `body` with what the reexec said, when the
        /// session that there was goes on under its id.
        private func withReturn(
            from script: (TemporaryDirectory) throws -> String,
            _ body: (RunningDaemon, RunResult, _ goesOn: () throws -> Void) throws -> Void
        ) throws {
            let directory = try TemporaryDirectory()
            let service = ServiceFile.program("cat", listen: "127.0.0.1:0", [try Programs.installed("cat")])
            let program = try directory.installedDaemon()
            try withDaemon([service], in: directory, DaemonOptions(program: program)) { daemon in
                let client = try daemon.openSession("cat")
                let ids = try daemon.connectionIDs()
                let goesOn = {
                    #expect(try daemon.connectionIDs() == ids)
                    try client.send("z")
                    #expect(try client.receive(1) == "z")
                    #expect(try daemon.status().daemon.pid == daemon.process.pid)
                }
                try directory.replaceDaemon(try script(directory))
                let result = try daemon.serverctl("reexec")
                #expect(result.exitCode == 1)
                try goesOn()
                try body(daemon, result, goesOn)
            }
        }

        @Test("an image that cannot start after the exec goes back to the one before, with everything")
        func failingImageGoesBack() throws {
            try withReturn { _ in
                """
                #!/bin/sh
                case "$*" in *--check-state*) exec \(try Programs.serverd) "$@" ;; esac
                exec \(try Programs.serverd) --config /nonexistent/serverd.toml
                """
            } _: { daemon, result, goesOn in
                #expect(result.errors.contains("the new image could not start"), "\(result.errors)")
                #expect(result.errors.contains("/nonexistent/serverd.toml"))
                // And once more, now with a good one.
                try daemon.directory.replaceDaemon("#!/bin/sh\nexec \(Programs.serverd) \"$@\"\n")
                #expect(try daemon.serverctl("reexec").exitCode == 0)
                try goesOn()
            }
        }

        @Test("an image that is gone back to serves as it did, whatever the files of the configuration say by then")
        func configurationOfBefore() throws {
            try withReturn { directory in
                """
                #!/bin/sh
                case "$*" in *--check-state*) ;; *) echo 'nonsense = 1' >>\(directory.path("serverd.toml")) ;; esac
                exec \(try Programs.serverd) "$@"
                """
            } _: { daemon, result, _ in
                #expect(result.errors.contains("nonsense"), "\(result.errors)")
                withExtendedLifetime(try daemon.openSession("cat")) {}
                let reload = try daemon.serverctl("reload")
                #expect(reload.exitCode == 1 && reload.errors.contains("nonsense"), "\(reload.errors)")
            }
        }

        @Test("a mistake that comes while connections are waited for is found before the exec")
        func mistakeInTheLastMoment() throws {
            let services = [
                ServiceFile.builtin("echo", listen: "127.0.0.1:0", "echo"),
                .program("cat", listen: "127.0.0.1:0", [try Programs.installed("cat")]),
            ]
            try withDaemon(services) { daemon in
                let client = try daemon.openSession("echo")
                let reexec = try daemon.start("reexec", output: daemon.directory.path("reexec.out"))
                defer { reexec.end() }
                try daemon.log.await("replaced by another image soon")
                try daemon.directory.write("nonsense = 1\n", to: "serverd.toml")
                #expect(try reexec.wait() == 1)
                try daemon.log.await("not replaced; this serverd goes on", "nonsense")
                #expect(try daemon.status().daemon.images == 1)
                withExtendedLifetime(client) {}
                withExtendedLifetime(try daemon.openSession("cat")) {}
            }
        }

        @Test("what the next image would know nothing of is a reason to refuse, each time anew, until it is over")
        func refusedWhileClosing() throws {
            let services = try ["cat", "gone"].map {
                ServiceFile.program($0, listen: "127.0.0.1:0", [try Programs.installed("cat")])
            }
            try withDaemon(services) { daemon in
                let kept = try daemon.openSession("cat")
                let departing = try daemon.openSession("gone")
                let closing = try daemon.start(
                    "close", "cat", "--existing=stop", "--grace=100s", output: daemon.directory.path("closing"))
                defer { closing.end() }
                try eventually("it drains") { try daemon.status(of: "cat").state == "draining" }
                for _ in 0..<2 {
                    let result = try daemon.serverctl("reexec")
                    #expect(result.exitCode == 1)
                    #expect(
                        result.errors.contains("service \"cat\" or some of its connections are being closed"),
                        "\(result.errors)")
                }
                kept.finishSending()
                #expect(try closing.wait() == 0)

                unlink(daemon.directory.path("services.d/gone.toml"))
                #expect(try daemon.serverctl("reload").exitCode == 0)
                let result = try daemon.serverctl("reexec")
                #expect(result.exitCode == 1)
                #expect(
                    result.errors.contains("service \"gone\", which was removed, still has connections"),
                    "\(result.errors)")
                departing.finishSending()
                #expect(try departing.receive() == "")
                try eventually("it is gone") { try daemon.connectionIDs().isEmpty }
                #expect(try daemon.serverctl("reexec").exitCode == 0)
                // What was closed stays so.
                #expect(try daemon.status(of: "cat").state == "closed")
            }
        }

        @Test("while the daemon is being replaced another reexec is refused, and changes nothing")
        func oneAtATime() throws {
            let directory = try TemporaryDirectory()
            let gate = try Gate(in: directory)
            let program = try directory.installedDaemon()
            let echo = ServiceFile.builtin("echo", listen: "127.0.0.1:0", "echo")
            try withDaemon([echo], in: directory, DaemonOptions(program: program)) { daemon in
                let asked = directory.path("asked")
                try directory.replaceDaemon(
                    """
                    #!/bin/sh
                    case "$*" in *--check-state*) : > \(asked); read line < \(gate.path) ;; esac
                    exec \(Programs.serverd) "$@"
                    """)
                let first = try daemon.start("reexec", output: directory.path("first"))
                defer { first.end() }
                try eventually("the new program is asked") { access(asked, F_OK) == 0 }
                let second = try daemon.serverctl("reexec")
                #expect(second.exitCode == 1)
                #expect(second.errors.contains("another reexec is under way"), "\(second.errors)")
                gate.open()
                #expect(try first.wait() == 0)
                #expect(try daemon.status().daemon.images == 2)
            }
        }
    }
}
