// SPDX-License-Identifier: Apache-2.0
// The verbs of serverctl that look, and those that hold a service back or limit it.

import Foundation
import Testing

extension Integration {
    @Suite("serverctl looks and limits") struct LookingTests {
        private let cat = ServiceFile.program(
            "cat", listen: "127.0.0.1:0", ["/bin/cat"], "description = \"says it again\"")

        @Test("list shows each service with what it is for")
        func list() throws {
            try withDaemon([cat, .builtin("echo", listen: "127.0.0.1:0", "echo")]) { daemon in
                let lines = try daemon.serverctl("list").output.split(separator: "\n")
                #expect(lines.count == 4)
                #expect(lines[0].split(separator: " ").first == "SERVICE")
                #expect(lines[1].hasPrefix("cat ") && lines[1].hasSuffix(" says it again"))
                #expect(lines[2].hasPrefix("echo ") && lines[2].contains(" listening "))
                #expect(lines[3] == "2 services.")
                let bare = try daemon.serverctl("list", "--no-legend", "--no-pager").output.split(separator: "\n")
                #expect(bare.count == 2 && bare[0].hasPrefix("cat "))
                // No colour where there is no terminal.
                #expect(!lines.joined().contains("\u{1b}"))
            }
        }

        @Test("options that print less may stand before the verb, as systemctl's, and status -q only has an exit code")
        func commonOptions() throws {
            try withDaemon([cat]) { daemon in
                let behind = try daemon.serverctl("status", "--json=short", "--no-pager")
                let before = try daemon.serverctl("--no-pager", "--json=short", "status")
                #expect(before.exitCode == 0 && before.output.hasPrefix("{\"daemon\""), "\(before)")
                #expect(behind.output.hasPrefix("{\"daemon\""))
                for verb in ["status", "list", "connections", "plan", "check", "reload"] {
                    for words in [["-q", verb], [verb, "--quiet", "--no-pager", "--no-legend"]] {
                        let result = try run([Programs.serverctl, "--admin-socket", daemon.adminSocket] + words)
                        #expect(result.exitCode == 0 && result.output == "", "\(words): \(result)")
                    }
                }
                #expect(try daemon.serverctl("close", "-q", "cat").output == "")
                #expect(try daemon.serverctl("-q", "status", "cat").exitCode == 3)
            }
        }

        @Test("show tells a service's settings, with --origin the file and line of each, and a connection's program")
        func show() throws {
            try withDaemon([cat]) { daemon in
                let shown = try daemon.serverctl("show", "cat")
                #expect(shown.exitCode == 0 && shown.output.hasPrefix("cat - says it again\n"))
                #expect(try daemon.serverctl("set-limit", "cat", "7").exitCode == 0)
                let origins = try daemon.serverctl("show", "cat", "--origin").output.split(separator: "\n")
                let file = daemon.directory.path("services.d/cat.toml")
                for (key, value, origin) in [
                    ("listen", "\"127.0.0.1:0\"", "\(file):1"), ("exec", "[\"/bin/cat\"]", "\(file):2"),
                    ("backlog", "4096", "default"), ("max_connections", "7", "serverctl set-limit"),
                ] {
                    let line = try #require(origins.first { $0.hasPrefix("\(key) ") }, "\(origins)")
                    #expect(line.contains(" \(value) ") && line.hasSuffix(" \(origin)"), "\(line)")
                }
                let client = try Client(echoedBy: daemon.endpoint("cat"))
                let connection = try #require(try daemon.connections().first)
                let detail = try daemon.serverctl("show", "\(connection.id)")
                #expect(detail.output.hasPrefix("Connection \(connection.id) of cat\n"))
                let fields = detail.output.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
                for field in ["Command: /bin/cat", "Process: \(connection.pid ?? 0)", "Bytes in: 6", "Bytes out: 6"] {
                    #expect(fields.contains(field), "\(fields)")
                }
                #expect(try daemon.serverctl("show", "4711").exitCode == 4)
                withExtendedLifetime(client) {}
            }
        }

        @Test("connections are listed by service, peer, age and state; a condition that is none is wrong usage")
        func connections() throws {
            let directory = try TemporaryDirectory()
            let unix = ServiceFile.builtin("unix", listen: directory.path("sock"), "echo")
            try withDaemon([cat, unix], in: directory) { daemon in
                let clients = [
                    try Client(echoedBy: daemon.endpoint("cat")), try Client(echoedBy: .unix(directory.path("sock"))),
                ]
                for (conditions, services) in [
                    (["--service=cat"], ["cat"]), (["--peer=127.0.0.1"], ["cat"]), (["--peer=127.0.0.2"], []),
                    (["--older-than=1h"], []), (["--older-than=1ms"], ["cat", "unix"]),
                    (["--state=serving"], ["cat", "unix"]), (["--state=lingering"], []),
                    (["--service=unix", "--state=serving", "--older-than=1ms"], ["unix"]),
                ] {
                    let words = ["--admin-socket", daemon.adminSocket, "connections", "--no-legend"] + conditions
                    let lines = try succeed([Programs.serverctl] + words).split(separator: "\n")
                    let found = lines.map { $0.split(separator: " ")[1] }
                    #expect(found == services.map { Substring($0) }, "\(conditions)")
                }
                #expect(try daemon.serverctl("connections", "--service=nobody").exitCode == 4)
                #expect(try daemon.serverctl("connections", "--peer=nowhere").exitCode == 2)
                #expect(try daemon.serverctl("connections", "--state=asleep").exitCode == 2)
                withExtendedLifetime(clients) {}
            }
        }

        @Test("output that cannot be written is an error, except to a reader that has gone")
        func outputIsLost() throws {
            try withDaemon([.builtin("echo", listen: "127.0.0.1:0", "echo")]) { daemon in
                let tool = "\(try Programs.serverctl) --admin-socket \(daemon.adminSocket) list"
                let full = try run(["/bin/sh", "-c", "\(tool) >/dev/full"])
                #expect(full.exitCode == 1)
                #expect(
                    full.errors.hasPrefix("serverctl: cannot write what it has to print: No space left on device"),
                    "\(full.errors)")
                let gone = try run(["/bin/bash", "-c", "trap '' PIPE; exec 3> >(:); wait $!; \(tool) >&3"])
                #expect(gone.exitCode == 0 && gone.errors == "", "\(gone.errors)")
            }
        }

        @Test("a suspended service leaves its clients in the queue, and serves them when it is resumed")
        func suspendAndResume() throws {
            try withDaemon([cat]) { daemon in
                let endpoint = try daemon.endpoint("cat")
                let old = try Client(echoedBy: endpoint)
                let suspended = try daemon.serverctl("suspend", "cat")
                #expect(suspended.exitCode == 0)
                #expect(suspended.output == "Service \"cat\" is suspended, with 1 of at most 10000 connections.\n")
                #expect(try daemon.serverctl("status", "cat").exitCode == 3)
                let waiting = try Client(endpoint)
                try waiting.send("hello\n")
                try old.send("still here\n")
                #expect(try old.receive(11) == "still here\n")
                #expect(try daemon.status(of: "cat").connections == 1)
                #expect(try daemon.serverctl("resume", "cat").output.hasPrefix("Service \"cat\" is listening on "))
                #expect(try waiting.receive(6) == "hello\n")
            }
        }

        @Test("a limit is set until the service's file changes; who is beyond it waits")
        func setLimit() throws {
            try withDaemon([cat]) { daemon in
                let endpoint = try daemon.endpoint("cat")
                let first = try Client(echoedBy: endpoint)
                #expect(try daemon.serverctl("set-limit", "cat", "1").exitCode == 0)
                #expect(try daemon.status(of: "cat").state == "full")
                let second = try Client(endpoint)
                try second.send("hello\n")
                #expect(try daemon.status(of: "cat").connections == 1)
                for (limit, exitCode) in [("0", CInt(2)), ("1000000", 2), ("2", 0)] {
                    #expect(try daemon.serverctl("set-limit", "cat", limit).exitCode == exitCode)
                }
                #expect(try second.receive(6) == "hello\n")
                #expect(try daemon.status(of: "cat").connectionLimit == 2)
                try daemon.write(ServiceFile(name: "cat", text: cat.text + "backlog = 100\n"))
                #expect(try daemon.serverctl("reload").exitCode == 0)
                #expect(try daemon.status(of: "cat").connectionLimit == 10_000)
                withExtendedLifetime(first) {}
            }
        }

        @Test("watch prints what happens, a line or an object each, until it is interrupted")
        func watch() throws {
            try withDaemon([cat, .builtin("echo", listen: "127.0.0.1:0", "echo")]) { daemon in
                let (text, json) = (daemon.directory.path("text"), daemon.directory.path("json"))
                let watchers = [
                    try daemon.start("watch", output: text),
                    try daemon.start("watch", "--json=short", "--kind=connectionEnded", "cat", output: json),
                ]
                defer { for watcher in watchers { watcher.end() } }
                // Nothing tells when they watch: it happens until they have seen it.
                try eventually("both see a connection that ends") {
                    for service in ["echo", "cat"] {
                        let client = try Client(echoedBy: daemon.endpoint(service))
                        client.finishSending()
                        _ = try client.receive()
                    }
                    return readText(text).contains("cat: connection ") && readText(json).contains("\n")
                }
                #expect(try daemon.serverctl("suspend", "cat").exitCode == 0)
                try eventually("the suspension is told") { readText(text).contains(" cat: suspended; ") }
                let lines = readText(text).split(separator: "\n")
                #expect(lines.contains { $0.contains(" from 127.0.0.1:") && $0.hasSuffix(" opened") }, "\(lines)")
                #expect(lines.contains { $0.contains(" ended: exited with 0 after ") }, "\(lines)")
                // A connection among few is no reason to call a service full.
                #expect(!lines.contains { $0.contains(": full ") }, "\(lines)")
                for line in readText(json).split(separator: "\n") {
                    #expect(line.hasPrefix("{") && line.contains("\"kind\":\"connectionEnded\""))
                    #expect(line.contains("\"service\":\"cat\"") && line.hasSuffix("}"))
                }
                for watcher in watchers {
                    watcher.signal(SIGINT)
                    #expect(try watcher.wait() == 128 + SIGINT)
                }
            }
        }
    }
}
