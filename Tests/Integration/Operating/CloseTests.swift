// SPDX-License-Identifier: Apache-2.0
// serverctl close, open and drain: whom they end, how, what they say at last, and how they exit.

import Foundation
import Testing

extension Integration {
    @Suite("serverctl close") struct CloseTests {
        /// Sends back what it gets; after the word "stay" it ignores SIGTERM.
        private let script = "read word; echo $word; [ $word = stay ] && trap '' TERM; echo ready; exec cat"

        private func service(_ name: String = "cat", listen: String = "127.0.0.1:0", _ more: String = "") -> ServiceFile
        {
            .script(name, listen: listen, script, more)
        }

        /// A client whose handler is past its first word.
        private func client(_ endpoint: Endpoint, _ word: String = "go") throws -> Client {
            let client = try Client(endpoint)
            try client.send("\(word)\n")
            let greeting = "\(word)\nready\n"
            let answer = try client.receive(greeting.utf8.count)
            try #require(answer == greeting)
            return client
        }

        @Test("a service is closed, its connections go on, and it is opened again on the same address")
        func keep() throws {
            let port = try ReservedPort()
            try withDaemon([service(listen: "127.0.0.1:\(port.number)")]) { daemon in
                let old = try client(port.endpoint)
                let closed = try daemon.serverctl("close", "cat")
                #expect(closed.exitCode == 0, "\(closed.errors)")
                #expect(closed.output == "Closed service \"cat\": 1 connection: 1 goes on.\n")
                #expect(throws: TestFailure.self) { try Client(port.endpoint) }
                #expect(try daemon.serverctl("status", "cat").exitCode == 3)
                #expect(try daemon.serverctl("suspend", "cat").exitCode == 1)
                let repeated = try daemon.serverctl("close", "cat")
                #expect(repeated.exitCode == 0 && repeated.output == closed.output)

                let opened = try daemon.serverctl("open", "cat")
                #expect(opened.exitCode == 0, "\(opened.errors)")
                #expect(opened.output.hasPrefix("Service \"cat\" is listening on 127.0.0.1:\(port.number), "))
                #expect(try daemon.serverctl("status", "cat").exitCode == 0)
                let new = try client(port.endpoint)
                for peer in [old, new] {
                    try peer.send("still here\n")
                    #expect(try peer.receive(11) == "still here\n")
                }
            }
        }

        @Test("a drain is taken back with one command")
        func drainTakenBack() throws {
            let ports = try (0..<2).map { _ in try ReservedPort() }
            let services = ports.enumerated().map { service("cat\($0)", listen: "127.0.0.1:\($1.number)") }
            try withDaemon(services) { daemon in
                #expect(try daemon.serverctl("drain").exitCode == 0)
                for port in ports { #expect(throws: TestFailure.self) { try Client(port.endpoint) } }
                let opened = try daemon.serverctl("open", "--all")
                #expect(opened.exitCode == 0 && opened.errors.isEmpty, "\(opened.errors)")
                #expect(opened.output == "Opened 2 services: cat0, cat1.\n")
                for port in ports { _ = try client(port.endpoint) }
                #expect(try daemon.serverctl("open", "--all").output == "No service was opened.\n")
            }
        }

        @Test("with --existing=stop programs get SIGTERM, those that ignore it SIGKILL, and it says to how many")
        func stop() throws {
            try withDaemon([service(), service("other")]) { daemon in
                let endpoint = try daemon.endpoint("cat")
                let clients = [try client(endpoint), try client(endpoint), try client(endpoint, "stay")]
                let bystander = try client(daemon.endpoint("other"))
                let result = try daemon.serverctl("close", "cat", "--existing=stop", "--deadline=1s")
                #expect(result.exitCode == 0, "\(result.errors)")
                #expect(
                    result.output
                        == "Closed service \"cat\": 3 connections: 2 ended when asked to, 1 was killed.\n")
                for client in clients { #expect(try client.receive() == "") }
                #expect(try daemon.connections().map(\.service) == ["other"])
                try bystander.send("still here\n")
                #expect(try bystander.receive(11) == "still here\n")
            }
        }

        @Test("connections that end within the grace have ended by themselves")
        func grace() throws {
            try withDaemon([service()]) { daemon in
                let only = try client(daemon.endpoint("cat"))
                let output = daemon.directory.path("closing")
                let closing = try daemon.start("close", "cat", "--existing=stop", "--grace=100s", output: output)
                defer { closing.end() }
                try eventually("it drains") { try daemon.status(of: "cat").state == "draining" }
                try only.send("still here\n")
                #expect(try only.receive(11) == "still here\n")
                only.finishSending()
                #expect(try closing.wait() == 0)
                #expect(readText(output) == "Closed service \"cat\": 1 connection: 1 ended by itself.\n")
            }
        }

        @Test("streams are shut down only where the configuration allows it, and nothing is changed otherwise")
        func shutdown() throws {
            try withDaemon([service(), service("may", "allow_shutdown = true")]) { daemon in
                let kept = try client(daemon.endpoint("cat"))
                let refused = try daemon.serverctl("close", "cat", "--existing=shutdown")
                #expect(refused.exitCode == 1)
                #expect(refused.errors.contains("its configuration does not allow streams of service \"cat\""))
                #expect(refused.errors.contains("nothing was changed; use --existing=stop"))
                #expect(try daemon.status(of: "cat").state == "listening")
                try kept.send("still here\n")
                #expect(try kept.receive(11) == "still here\n")

                let ended = try client(daemon.endpoint("may"), "stay")
                let result = try daemon.serverctl("close", "may", "--existing=shutdown", "--deadline=50s")
                // Without the capability, or on a kernel without it, that is what is said.
                guard result.exitCode == 0 else {
                    #expect(result.exitCode == 1)
                    #expect(result.errors.contains("nothing was changed; use --existing=stop"))
                    return
                }
                // It ignores SIGTERM, and is not killed: so it has seen its stream's end.
                #expect(result.output == "Closed service \"may\": 1 connection: 1 ended when asked to.\n")
                #expect(throws: TestFailure.self) { try ended.receive() }
            }
        }

        @Test("one connection is closed by its id, and its service goes on")
        func oneConnection() throws {
            try withDaemon([service()]) { daemon in
                let endpoint = try daemon.endpoint("cat")
                let first = try client(endpoint)
                let id = try #require(try daemon.connections().first).id
                let second = try client(endpoint)
                let result = try daemon.serverctl("close", "--connection=\(id)")
                #expect(result.exitCode == 0, "\(result.errors)")
                #expect(result.output.hasPrefix("Closed connection \(id): killed by SIGTERM after "))
                #expect(try first.receive() == "")
                let gone = try daemon.serverctl("close", "--connection=\(id)")
                #expect(gone.exitCode == 4 && gone.errors.contains("there is no connection \(id)"))
                try second.send("still here\n")
                #expect(try second.receive(11) == "still here\n")
                #expect(try daemon.status(of: "cat").state == "listening")
            }
        }

        @Test("connections are closed by their peers' network and by their age, and no others")
        func byConditions() throws {
            let directory = try TemporaryDirectory()
            let path = directory.path("cat.sock")
            let both = service("both")
            let unix = service("unix", listen: path)
            try withDaemon([both, unix], in: directory) { daemon in
                let inet = try client(daemon.endpoint("both"))
                let local = try client(.unix(path))
                for (words, counts) in [
                    (["--peer=192.0.2.0/24"], "no connections"), (["--older-than=1h"], "no connections"),
                    (["--peer=127.0.0.0/8", "--service=unix"], "no connections"),
                    (["--peer=127.0.0.0/8"], "1 connection: 1 ended when asked to"),
                    (["--older-than=1ms", "--state=serving"], "1 connection: 1 ended when asked to"),
                ] {
                    let command = [try Programs.serverctl, "--admin-socket", daemon.adminSocket, "close"] + words
                    let result = try run(command)
                    #expect(result.exitCode == 0, "\(result.errors)")
                    #expect(result.output == "Closed \(counts).\n", "\(words)")
                    if words == ["--peer=127.0.0.0/8"] {
                        #expect(try inet.receive() == "")
                        #expect(try daemon.connections().map(\.service) == ["unix"])
                    }
                }
                #expect(try local.receive() == "")
                #expect(try daemon.serverctl("status").exitCode == 0)
            }
        }

        @Test("drain closes all services and leaves the daemon there; each can be opened again")
        func drain() throws {
            try withDaemon([service(), service("other")]) { daemon in
                let clients = [try client(daemon.endpoint("cat")), try client(daemon.endpoint("other"), "stay")]
                let result = try daemon.serverctl("drain", "--grace=0s", "--deadline=1s")
                #expect(result.exitCode == 0, "\(result.errors)")
                #expect(
                    result.output == "Drained all services: 2 connections: 1 ended when asked to, 1 was killed.\n")
                for client in clients { #expect(try client.receive() == "") }
                #expect(try daemon.status().services.map(\.state) == ["closed", "closed"])
                #expect(try daemon.serverctl("drain", "-q").output == "")
                for name in ["cat", "other"] { #expect(try daemon.serverctl("open", name).exitCode == 0) }
                #expect(try daemon.serverctl("status").exitCode == 0)
                _ = try client(daemon.endpoint("cat"))
            }
        }

        @Test("what does not exist ends with 4, what does not go together with 2, and nobody there with 4")
        func exitCodes() throws {
            try withDaemon([service()]) { daemon in
                for verb in ["close", "open", "suspend", "resume", "show", "status"] {
                    let result = try daemon.serverctl(verb, "cats")
                    #expect(result.exitCode == 4, "\(verb)")
                    #expect(result.errors.contains("there is no service \"cats\"; did you mean \"cat\"?"), "\(result)")
                }
                for words in [["close"], ["close", "cat", "--grace=1s"], ["close", "cat", "--peer=::1"], ["frob"]] {
                    let command = [try Programs.serverctl, "--admin-socket", daemon.adminSocket] + words
                    #expect(try run(command).exitCode == 2, "\(words)")
                }
                #expect(try daemon.serverctl("close", "cat", "--existing=stop", "--deadline=2d").exitCode == 2)
            }
            let nowhere = try TemporaryDirectory().path("admin.sock")
            for verb in ["drain", "list", "connections", "reload", "plan", "check", "watch"] {
                #expect(try run([Programs.serverctl, "--admin-socket", nowhere, verb]).exitCode == 4, "\(verb)")
            }
        }
    }
}
