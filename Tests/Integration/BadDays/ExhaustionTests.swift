// SPDX-License-Identifier: Apache-2.0
// A daemon short of descriptors, without standard descriptors, with a log that nobody reads: it goes on by itself.

import Foundation
import Testing

extension Integration {
    @Suite("a daemon with too little") struct ExhaustionTests {
        private func cat() throws -> ServiceFile {
            ServiceFile.program("cat", listen: "127.0.0.1:0", [try Programs.installed("cat")])
        }

        @Test("with 40 descriptors, 60 clients are all served in the end, without anybody's help")
        func descriptorsRunOut() throws {
            let options = DaemonOptions(wrapper: [try Programs.installed("prlimit"), "--nofile=40:40"])
            try withDaemon([cat()], options) { daemon in
                let endpoint = try daemon.endpoint("cat")
                let clients = try (0..<60).map { _ in try Client(endpoint) }
                for (number, client) in clients.enumerated() { try client.send("client \(number)") }
                for (number, client) in clients.enumerated() {
                    client.finishSending()
                    #expect(try client.receive() == "client \(number)")
                }
                let late = try Client(endpoint)
                try late.send("late")
                late.finishSending()
                #expect(try late.receive() == "late")
            }
        }

        @Test("with all descriptors taken by clients an operator is still answered")
        func operatorIsAnswered() throws {
            let options = DaemonOptions(wrapper: [try Programs.installed("prlimit"), "--nofile=40:40"])
            // Each connection keeps its descriptor: a program's would be given back.
            let echo = ServiceFile.builtin("echo", listen: "127.0.0.1:0", "echo")
            try withDaemon([echo], options) { daemon in
                let endpoint = try daemon.endpoint("echo")
                let clients = try (0..<60).map { _ in try Client(endpoint) }
                try daemon.log.await("cannot accept connections")
                for _ in 0..<5 { #expect(try daemon.serverctl("status").exitCode == 0) }
                for client in clients {
                    client.finishSending()
                    #expect(try client.receive() == "")
                }
            }
        }

        @Test("it raises its limit on descriptors as far as it may, and says when services may need more")
        func limitIsRaised() throws {
            let options = DaemonOptions(wrapper: [try Programs.installed("prlimit"), "--nofile=100:300"])
            let many = ServiceFile.builtin("many", listen: "127.0.0.1:0", "echo", "max_connections = 301")
            try withDaemon([many], options) { daemon in
                let limits = readText("/proc/\(daemon.process.pid)/limits").split(separator: "\n")
                let files = try #require(limits.first { $0.hasPrefix("Max open files") })
                #expect(files.split(separator: " ").dropFirst(3).prefix(2) == ["300", "300"])
                try daemon.log.await("the services may have more connections", "limit=300", "max_connections=301")
            }
        }

        @Test("started without descriptors 0, 1 and 2, it gives a handler the right ones")
        func standardDescriptorsAreMissing() throws {
            let list = ServiceFile.program(
                "list", listen: "127.0.0.1:0", [try Programs.installed("ls"), "/proc/self/fd"])
            try withDaemon([cat(), list], DaemonOptions(hasNoStandardDescriptors: true)) { daemon in
                let client = try Client(daemon.endpoint("cat"))
                try client.send("round trip")
                client.finishSending()
                #expect(try client.receive() == "round trip")
                #expect(try Client(daemon.endpoint("list")).receive() == "0\n1\n2\n3\n")
            }
        }

        @Test("a reader of its standard error that has stopped holds up neither connections nor the daemon's end")
        func nobodyReadsTheLog() throws {
            let script =
                "i=0; while [ $i -lt 50 ]; do echo \"a line that nobody will read $i\" >&2; i=$((i+1)); done; echo done; exit 1"
            let noisy = ServiceFile.script("noisy", listen: "127.0.0.1:0", script)
            let pipe = StandardPipe()
            pipe.shrink()
            try withDaemon([noisy, cat()], DaemonOptions(errors: .descriptor(pipe.writeEnd))) { daemon in
                for _ in 0..<10 { #expect(try Client(daemon.endpoint("noisy")).receive() == "done\n") }
                let client = try Client(daemon.endpoint("cat"))
                client.finishSending()
                #expect(try client.receive() == "")
            }
        }
    }
}
