// SPDX-License-Identifier: Apache-2.0
// Reloads of the built daemon, by SIGHUP and by serverctl: what changes, what stays, and what is said about it.

import Foundation
import Testing

extension Integration {
    @Suite("reload") struct ReloadTests {
        /// A program that says its word, then sends back what it gets.
        private func cat(_ name: String = "cat", port: ReservedPort, word: String) -> ServiceFile {
            .script(name, listen: "127.0.0.1:\(port.number)", "echo \(word); exec cat")
        }

        @Test("SIGHUP and serverctl reload put a program into effect on the same socket, and running ones go on")
        func programChanges() throws {
            let port = try ReservedPort()
            try withDaemon([cat(port: port, word: "one")]) { daemon in
                let inode = try daemon.inode(of: port)
                let first = try Client(port.endpoint)
                #expect(try first.receive(4) == "one\n")
                try daemon.write(cat(port: port, word: "two"))
                daemon.process.signal(SIGHUP)
                try daemon.log.await("reloaded", "changed=1")
                let second = try Client(port.endpoint)
                #expect(try second.receive(4) == "two\n")

                try daemon.write(.builtin("cat", listen: "127.0.0.1:\(port.number)", "echo"))
                let result = try daemon.serverctl("reload")
                #expect(result.exitCode == 0, "\(result.errors)")
                #expect(result.output.contains("changed  cat\n         exec: "), "\(result.output)")
                #expect(result.output.hasSuffix("Services: 1 changed, 0 unchanged.\n"))
                let third = try Client(port.endpoint)
                for client in [first, second, third] {
                    try client.send("still here\n")
                    #expect(try client.receive(11) == "still here\n")
                }
                #expect(try daemon.inode(of: port) == inode)
            }
        }

        @Test("a wrong file changes nothing; serverctl reload prints what --check prints and exits with 1")
        func wrongFile() throws {
            let (port, other) = try (ReservedPort(), ReservedPort())
            try withDaemon([cat(port: port, word: "one")]) { daemon in
                try daemon.write(cat(port: port, word: "two"))
                try daemon.write(cat("another", port: other, word: "never"))
                try daemon.write(ServiceFile(name: "bad", text: "listen = \"127.0.0.1:0\"\n\tbuiltin = \"ecko\" # é\n"))
                try daemon.write(
                    ServiceFile(name: "worse", text: "listen = 79\nmax_conections = 5\nbuiltin = \"echo\"\n"))
                let check = try run([Programs.serverd, "--config", daemon.directory.path("serverd.toml"), "--check"])
                #expect(check.exitCode == 78)
                let mistakes = check.errors.replacingOccurrences(of: "2 errors\n", with: "")
                #expect(mistakes.contains("bad.toml:2:"))
                for verb in ["reload", "plan"] {
                    let result = try daemon.serverctl(verb)
                    #expect(result.exitCode == 1)
                    #expect(result.errors.contains(mistakes), "\(result.errors)\nnot as\n\(mistakes)")
                    let end = verb == "reload" ? "; nothing was changed" : ""
                    #expect(result.errors.contains("the configuration has 2 mistakes\(end)"))
                }
                try daemon.log.await("mistake in the configuration", "worse.toml", "hint=max_connections")
                try daemon.log.await("not reloaded", "mistakes=2")
                #expect(try Client(port.endpoint).receive(4) == "one\n")
                #expect(try daemon.status().services.map(\.name) == ["cat"])
                #expect(throws: TestFailure.self) { try Client(other.endpoint) }
            }
        }

        @Test(
            "a port that another program has is told, with exit status 69; the rest is in effect, and it is tried again"
        )
        func portTaken() throws {
            let (port, other) = try (ReservedPort(), ReservedPort())
            try withDaemon([cat(port: port, word: "one")]) { daemon in
                let occupant = try other.listen()
                try daemon.write(cat(port: port, word: "two"))
                try daemon.write(cat("late", port: other, word: "late"))
                let result = try daemon.serverctl("reload")
                #expect(result.exitCode == 69)
                let address = "127.0.0.1:\(other.number)"
                #expect(
                    result.output.contains("added    late\n         cannot listen on \(address)\n"), "\(result.output)")
                #expect(
                    result.errors.contains(
                        "service \"late\" cannot listen on \(address): cannot bind \(address): Address"),
                    "\(result.errors)")
                #expect(result.errors.contains("(EADDRINUSE); trying again in "), "\(result.errors)")
                #expect(result.errors.hasSuffix("the rest of the configuration is in effect\n"), "\(result.errors)")
                #expect(try Client(port.endpoint).receive(4) == "two\n")
                close(occupant)
                try eventually("the address is listened on") { try daemon.status(of: "late").state == "listening" }
                daemon.removeFile(of: "late")
                #expect(try daemon.serverctl("reload").exitCode == 0)
            }
        }

        @Test("serverd --check, serverctl check and serverctl reload have the same warnings")
        func warnings() throws {
            let port = try ReservedPort()
            try withDaemon([cat(port: port, word: "one")]) { daemon in
                let user = geteuid() == 0 ? "user = \"root\"\n" : ""
                try daemon.write(
                    ServiceFile(name: "odd", text: "listen = \"@odd\"\n\(user)exec = [\"/nonexistent\"]\n"))
                _ = try daemon.directory.write("", to: "services.d/odd.conf")
                let check = try run([Programs.serverd, "--config", daemon.directory.path("serverd.toml"), "--check"])
                #expect(check.exitCode == 0 && check.errors.split(separator: "\n").count == 2, "\(check.errors)")
                for verb in ["check", "plan", "reload"] {
                    let result = try daemon.serverctl(verb)
                    #expect(result.exitCode == 0 && result.errors == check.errors, "\(result.errors)")
                }
                daemon.removeFile(of: "odd")
                #expect(try daemon.serverctl("reload").exitCode == 0)
            }
        }

        @Test("serverctl plan says whom a reload would drop, and changes nothing")
        func planOnly() throws {
            let (port, other) = try (ReservedPort(), ReservedPort())
            try withDaemon([cat(port: port, word: "one")]) { daemon in
                let client = try Client(port.endpoint)
                #expect(try client.receive(4) == "one\n")
                daemon.removeFile(of: "cat")
                try daemon.write(cat("new", port: other, word: "new"))
                let plan = try daemon.serverctl("plan")
                #expect(plan.exitCode == 0)
                #expect(plan.output.contains("removed  cat\n         listens no more on 127.0.0.1:\(port.number)\n"))
                #expect(plan.output.contains("drops, after drain_timeout, 1 connection:"), "\(plan.output)")
                #expect(plan.output.contains(" from 127.0.0.1:"), "\(plan.output)")
                #expect(plan.output.contains("added    new\n         listens on 127.0.0.1:\(other.number)\n"))
                #expect(try daemon.status().services.map(\.name) == ["cat"])
            }
        }

        @Test("a removed service drains, a disabled one too, and an added one listens when the reload has ended")
        func servicesComeAndGo() throws {
            let ports = try (0..<3).map { _ in try ReservedPort() }
            let files = [cat("gone", port: ports[0], word: "gone"), cat("off", port: ports[1], word: "off")]
            try withDaemon(files, DaemonOptions(configuration: "drain_timeout = \"1s\"\n")) { daemon in
                let (gone, off) = try (Client(ports[0].endpoint), Client(ports[1].endpoint))
                #expect(try gone.receive(5) == "gone\n" && off.receive(4) == "off\n")
                daemon.removeFile(of: "gone")
                let disabled = cat("off", port: ports[1], word: "off").text + "enabled = false\n"
                try daemon.write(ServiceFile(name: "off", text: disabled))
                try daemon.write(cat("new", port: ports[2], word: "new"))
                #expect(try daemon.serverctl("reload").exitCode == 0)
                #expect(try Client(ports[2].endpoint).receive(4) == "new\n")
                for port in ports[..<2] { #expect(throws: TestFailure.self) { try Client(port.endpoint) } }
                #expect(try daemon.status(of: "gone").state == "draining")
                try gone.send("still here\n")
                #expect(try gone.receive(11) == "still here\n")
                // Until drain_timeout.
                #expect(try gone.receive() == "" && off.receive() == "")
                try eventually("the drained services are gone") {
                    try daemon.status().services.map(\.name) == ["new"]
                }
            }
        }

        @Test("an address goes from one service to another")
        func addressMoves() throws {
            let (port, other) = try (ReservedPort(), ReservedPort())
            let files = [cat("one", port: port, word: "one"), cat("two", port: other, word: "two")]
            try withDaemon(files) { daemon in
                let old = try Client(port.endpoint)
                #expect(try old.receive(4) == "one\n")
                try daemon.write(cat("one", port: other, word: "one"))
                try daemon.write(cat("two", port: port, word: "two"))
                #expect(try daemon.serverctl("reload").exitCode == 0)
                #expect(try Client(port.endpoint).receive(4) == "two\n")
                #expect(try Client(other.endpoint).receive(4) == "one\n")
                try old.send("still here\n")
                #expect(try old.receive(11) == "still here\n")
            }
        }

        @Test("systemd is told of each reload when it begins, and that it is over, also when it was refused")
        func systemdIsTold() throws {
            let port = try ReservedPort()
            try withDaemon([cat(port: port, word: "one")]) { daemon in
                for (text, exitCode) in [(cat(port: port, word: "two").text, CInt(0)), ("nonsense", 1)] {
                    let before = daemon.notifications.received.count
                    try daemon.write(ServiceFile(name: "cat", text: text))
                    #expect(try daemon.serverctl("reload").exitCode == exitCode)
                    try eventually("READY=1 after the reload") {
                        daemon.notifications.received[before...].contains("READY=1")
                    }
                    let told = daemon.notifications.received[before...].filter {
                        !$0.hasPrefix("STATUS=") && !$0.hasPrefix("FD")
                    }
                    #expect(told.count == 3 && told.first == "RELOADING=1" && told.last == "READY=1", "\(told)")
                    let time = told.dropFirst().first.flatMap { UInt64($0.replacing("MONOTONIC_USEC=", with: "")) }
                    var now = timespec()
                    clock_gettime(CLOCK_MONOTONIC, &now)
                    let past = UInt64(now.tv_sec) * 1_000_000 + UInt64(now.tv_nsec) / 1000 - (time ?? 0)
                    #expect(past < UInt64(patience) * 1_000_000, "\(told)")
                }
            }
        }
    }
}

extension RunningDaemon {
    /// Writes a service's file, at once: whoever reads it meanwhile finds the old or the new one.
    func write(_ file: ServiceFile) throws {
        let next = try directory.write(file.text, to: "next-\(file.name)")
        guard rename(next, directory.path("services.d/\(file.name).toml")) == 0 else {
            throw TestFailure("rename: \(String(cString: strerror(errno)))")
        }
    }

    /// Removes a service's file.
    func removeFile(of service: String) { unlink(directory.path("services.d/\(service).toml")) }

    /// The inode of the socket that listens on a port of 127.0.0.1, if this daemon has it.
    func inode(of port: ReservedPort) throws -> String {
        let local = "0100007F:" + String(format: "%04X", port.number)
        let fields = readText("/proc/net/tcp").split(separator: "\n").map { $0.split(separator: " ") }
        // The fields are those of proc(5): local address, remote address, state (0A listens), …, inode.
        guard let inode = fields.first(where: { $0[1] == local && $0[3] == "0A" }).map({ String($0[9]) }) else {
            throw TestFailure("nobody listens on port \(port.number)")
        }
        let files = FileManager.default
        let links = try files.contentsOfDirectory(atPath: "/proc/\(process.pid)/fd").compactMap {
            try? files.destinationOfSymbolicLink(atPath: "/proc/\(process.pid)/fd/\($0)")
        }
        guard links.contains("socket:[\(inode)]") else { throw TestFailure("another process has port \(port.number)") }
        return inode
    }
}
