// SPDX-License-Identifier: Apache-2.0
// What an operator types and gets back: checks, exit codes, a second daemon, a service that cannot listen.

import Foundation
import Testing

extension Integration {
    @Suite("the command line") struct CommandLineTests {
        private let hello = ServiceFile.program("hello", listen: "127.0.0.1:0", ["/bin/echo", "hello"])

        @Test("--check accepts a good configuration and starts nothing")
        func goodConfigurationPasses() throws {
            let directory = try TemporaryDirectory()
            try directory.write(hello.text, to: "services.d/hello.toml")
            let configuration = try directory.write("", to: "serverd.toml")
            let socket = directory.path("admin.sock")
            let check = [try Programs.serverd, "--config", configuration, "--admin-socket", socket, "--check"]
            try succeed(check)
            #expect(access(socket, F_OK) != 0)
        }

        @Test("an unknown option is a usage error for both programs")
        func unknownOptionIsRefused() throws {
            #expect(try run([Programs.serverd, "--no-such-option"]).exitCode == 64)
            #expect(try run([Programs.serverctl, "--no-such-option"]).exitCode == 2)
        }

        @Test("both programs tell one version")
        func versionsAgree() throws {
            let daemon = try succeed([Programs.serverd, "--version"])
            let tool = try succeed([Programs.serverctl, "--version"])
            #expect(daemon.hasPrefix("serverd ") && tool.hasPrefix("serverctl "))
            #expect(daemon.dropFirst("serverd ".count) == tool.dropFirst("serverctl ".count))
        }

        @Test("status ends with 0 when all serve, with 4 for a service or a daemon that does not exist")
        func statusHasExitCodes() throws {
            try withDaemon([hello]) { daemon in
                let all = try daemon.serverctl("status")
                #expect(all.exitCode == 0)
                #expect(all.output.contains("hello"))
                #expect(try daemon.serverctl("status", "hello").exitCode == 0)
                #expect(try daemon.serverctl("status", "helo").exitCode == 4)
            }
            let nowhere = try TemporaryDirectory().path("admin.sock")
            #expect(try run([Programs.serverctl, "--admin-socket", nowhere, "status"]).exitCode == 4)
        }

        @Test("a second daemon on the same admin socket says so and leaves the first alone")
        func secondDaemonIsRefused() throws {
            try withDaemon([hello]) { daemon in
                let configuration = try daemon.directory.write("", to: "other/serverd.toml")
                let command = [try Programs.serverd, "--config", configuration, "--admin-socket", daemon.adminSocket]
                let second = try run(command, seconds: patience)
                #expect(second.exitCode != 0)
                #expect(second.errors.contains(daemon.adminSocket), "\(second.errors)")
                #expect(try Client(daemon.endpoint("hello")).receive() == "hello\n")
            }
        }

        @Test("a service whose address is taken is failed, the others serve, and it listens once the address is free")
        func takenAddressIsTriedAgain() throws {
            let port = try ReservedPort()
            let occupant = try port.listen()
            let address = "127.0.0.1:\(port.number)"
            let blocked = ServiceFile.program("blocked", listen: address, ["/bin/echo", "at last"])
            // Not `withDaemon`: at its end this daemon holds a listener more, and that is what was wanted.
            let daemon = try RunningDaemon([blocked, hello], in: TemporaryDirectory(), DaemonOptions())
            defer { daemon.process.end() }
            let status = try daemon.status(of: "blocked")
            #expect(status.state == "failed")
            #expect(status.failure?.contains("Address already in use (EADDRINUSE)") == true)
            #expect(try daemon.serverctl("status").exitCode == 3)
            #expect(try Client(daemon.endpoint("hello")).receive() == "hello\n")
            close(occupant)
            try eventually("it listens") { try daemon.status(of: "blocked").state == "listening" }
            #expect(try Client(port.endpoint).receive() == "at last\n")
            try daemon.stop()
        }
    }
}
