// SPDX-License-Identifier: Apache-2.0
// What a program finds when it starts: its descriptors, its environment, its limits.

import Foundation
import Testing

extension Integration {
    @Suite("what a handler finds") struct HandlerTests {
        @Test("descriptors 0, 1 and 2 and no other, while other connections are open")
        func exactlyThreeDescriptors() throws {
            let cat = ServiceFile.program("cat", listen: "127.0.0.1:0", [try Programs.installed("cat")])
            // The fourth is the one that ls reads the folder with.
            let list = ServiceFile.program(
                "list", listen: "127.0.0.1:0", [try Programs.installed("ls"), "/proc/self/fd"])
            try withDaemon([cat, list]) { daemon in
                let other = try Client(daemon.endpoint("cat"))
                try other.send("x")
                #expect(try other.receive(1) == "x")
                #expect(try Client(daemon.endpoint("list")).receive() == "0\n1\n2\n3\n")
            }
        }

        @Test("all three inetd families' names for the peer, and nothing of the daemon's own environment")
        func environmentNamesThePeer() throws {
            let service = ServiceFile.program("env", listen: "127.0.0.1:0", [try Programs.installed("env")])
            try withDaemon([service]) { daemon in
                let text = try Client(daemon.endpoint("env")).receive()
                let names = Set(text.split(separator: "\n").map { String($0.prefix { $0 != "=" }) })
                for line in ["REMOTE_ADDR=127.0.0.1", "REMOTE_HOST=127.0.0.1", "TCPREMOTEIP=127.0.0.1", "PROTO=TCP"] {
                    #expect(text.contains("\(line)\n"))
                }
                #expect(names.isSuperset(of: ["REMOTE_PORT", "TCPREMOTEPORT", "TCPLOCALIP", "TCPLOCALPORT"]))
                #expect(names.isSuperset(of: ["SERVERD_CONNECTION_ID", "SERVERD_SERVICE", "PATH"]))
                #expect(names.isDisjoint(with: ["NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "GIT_TERMINAL_PROMPT"]))
            }
        }

        @Test("a variable that is to be passed on, and no other")
        func variableIsPassedOn() throws {
            let service = ServiceFile.script(
                "look", listen: "127.0.0.1:0", "echo \"$PASSED,$OTHER\"", "pass_environment = [\"PASSED\"]")
            try withDaemon([service], DaemonOptions(environment: ["PASSED": "yes", "OTHER": "yes"])) { daemon in
                let found = try Client(daemon.endpoint("look")).receive()
                #expect(found == "yes,\n")
            }
        }

        @Test("no ambient capability of the daemon's", .enabled(if: geteuid() == 0, "needs root"))
        func ambientCapabilitiesAreTakenAway() throws {
            let service = ServiceFile.program(
                "look", listen: "127.0.0.1:0", [try Programs.installed("grep"), "^CapAmb", "/proc/self/status"])
            let capability = "+net_bind_service"
            let wrapper = [try Programs.installed("setpriv"), "--inh-caps", capability, "--ambient-caps", capability]
            try withDaemon([service], DaemonOptions(wrapper: wrapper)) { daemon in
                // Otherwise what follows would prove nothing.
                let own = readText("/proc/\(daemon.process.pid)/status")
                try #require(own.contains("CapAmb:\t0000000000000400\n"))
                #expect(try Client(daemon.endpoint("look")).receive() == "CapAmb:\t0000000000000000\n")
            }
        }

        @Test("nothing that is in the keyring of who started the daemon", .enabled(if: hasKeyrings, "needs keyrings"))
        func keyringIsLeft() throws {
            let find = ["-e", Keyring.find]
            let perl = try Programs.installed("perl")
            let service = ServiceFile.program("look", listen: "127.0.0.1:0", [perl] + find)
            try withDaemon([service], DaemonOptions(wrapper: [perl, "-e", Keyring.make + "exec @ARGV"])) { daemon in
                let found = try Client(daemon.endpoint("look")).receive()
                #expect(found == "nothing\n")
            }
        }

        @Test("a session of its own, umask 022, 1,024 descriptors, no new privileges, no signal blocked or ignored")
        func surroundingsAreFixed() throws {
            let script = "umask; ulimit -S -n; cat /proc/self/status; ps -o sid= -p $$ | tr -d ' '; echo $$"
            let service = ServiceFile.script("look", listen: "127.0.0.1:0", script)
            try withDaemon([service]) { daemon in
                let lines = try Client(daemon.endpoint("look")).receive().split(separator: "\n").map(String.init)
                #expect(lines.prefix(2) == ["0022", "1024"])
                for field in ["NoNewPrivs:\t1", "SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000"] {
                    #expect(lines.contains(field))
                }
                #expect(lines.count > 2 && lines[lines.count - 1] == lines[lines.count - 2])
            }
        }
    }
}

/// What perl does with a session keyring, by the numbers of the system calls.
private enum Keyring {
    #if arch(x86_64)
        private static let (addKey, keyctl) = (248, 250)
    #else
        private static let (addKey, keyctl) = (217, 219)
    #endif

    private static let names = "my ($type, $name, $text) = ('user', 'serverd-test', 'secret');"
    /// Joins a new one and puts a key into it.
    static let make =
        names + "syscall(\(keyctl), 1, 0) > 0 && syscall(\(addKey), $type, $name, $text, 6, -3) > 0 or die $!;"
    /// Says whether the key is there.
    static let find = names + "print syscall(\(keyctl), 10, -3, $type, $name, 0) > 0 ? qq(found\n) : qq(nothing\n)"
}

/// Whether a key can be put into a keyring here, and be found by a program that is started then.
private let hasKeyrings: Bool = {
    guard let perl = try? Programs.installed("perl") else { return false }
    let script = Keyring.make + "exec $^X, '-e', $ARGV[0]"
    return (try? run([perl, "-e", script, Keyring.find]))?.output == "found\n"
}()
