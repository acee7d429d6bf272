// SPDX-License-Identifier: Apache-2.0
// Peers and handlers choose some of the text in the log: they must not be able to make it look like another line.

import Foundation
import Testing

extension Integration {
    @Suite("forged log lines") struct ForgeryTests {
        /// Each line on its own would, unescaped, colour a terminal, begin a line, or pretend to be a priority.
        private static let evil =
            #"\033[31mred\033[0m\n<0>FORGED priority\nbell\007 and \000 nul\r\nFORGED return\rFORGED again\n"#
            + #"\302\2332JFORGED C1\nx\342\200\250FORGED separator\n\377\376FORGED invalid\nEND\n"#

        @Test("a handler's output stays inside its own line, whatever it contains")
        func handlerCannotForge() throws {
            let service = ServiceFile.script("evil", listen: "127.0.0.1:0", "printf '\(Self.evil)' >&2; echo done")
            try withDaemon([service]) { daemon in
                #expect(try Client(daemon.endpoint("evil")).receive() == "done\n")
                try daemon.log.await("evil", "END")
                expectHarmless(daemon.log.bytes)
                let forged = daemon.log.lines.filter { $0.contains("FORGED") }
                #expect(!forged.isEmpty)
                for line in forged {
                    #expect(line.contains("evil") && !line.hasPrefix("<0>") && !line.hasPrefix("FORGED"))
                }
            }
        }

        @Test("in JSON, every line is one object")
        func jsonStaysJSON() throws {
            let service = ServiceFile.script("evil", listen: "127.0.0.1:0", "printf '\(Self.evil)' >&2; echo done")
            try withDaemon([service], DaemonOptions(arguments: ["--log-format", "json"])) { daemon in
                #expect(try Client(daemon.endpoint("evil")).receive() == "done\n")
                try daemon.log.await("evil", "END")
                expectHarmless(daemon.log.bytes)
                for line in daemon.log.lines {
                    #expect(try JSONSerialization.jsonObject(with: Data(line.utf8)) is [String: Any], "\(line)")
                }
            }
        }

        @Test("an endless line is cut into pieces, of which no more are logged than of any output, and none is kept")
        func endlessLineIsCut() throws {
            let script = "head --bytes=40000000 /dev/zero | tr '\\0' A >&2; echo done"
            let service = ServiceFile.script("endless", listen: "127.0.0.1:0", script)
            try withDaemon([service]) { daemon in
                let endpoint = try daemon.endpoint("endless")
                var lines: [String] = []
                let time = try ContinuousClock().measure {
                    #expect(try Client(endpoint).receive() == "done\n")
                    try daemon.log.await("endless", "AAAA")
                    lines = daemon.log.lines
                }
                #expect(lines.allSatisfy { $0.utf8.count <= 4096 })
                // 10,000 in 30 seconds, of 19,532; a slow machine gets into the next such span.
                let spans = Int(time / .seconds(30)) + 1
                #expect(lines.count { $0.contains("AAAA") } <= 10_000 * spans)
                let peak = readText("/proc/\(daemon.process.pid)/status").split(separator: "\n")
                    .first { $0.hasPrefix("VmHWM:") }
                let kilobytes = try #require(peak?.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) })
                #expect(kilobytes < 64 * 1024)
            }
        }

        @Test("a Unix peer's name touches neither the log nor the operator's terminal")
        func peerNameCannotForge() throws {
            let directory = try TemporaryDirectory()
            let service = ServiceFile.script("local", listen: directory.path("local.sock"), "echo done; exit 1")
            try withDaemon([service], in: directory) { daemon in
                let name = Array("\(directory.path)\u{1b}[31m\n<0>FORGED\u{9b}2J".utf8)
                let client = try Client(daemon.endpoint("local"), boundTo: name)
                #expect(try client.receive() == "done\n")
                try eventually("the failure is counted") { try daemon.status(of: "local").handlerFailures == 1 }
                expectHarmless(daemon.log.bytes)
                #expect(!daemon.log.lines.contains { $0.hasPrefix("<0>") })
                expectHarmless(Data(try daemon.serverctl("status").output.utf8))
            }
        }

        /// Lines of printable text: no control character, no C1, no other line separator, nothing but UTF-8.
        private func expectHarmless(_ bytes: Data) {
            let text = String(validating: bytes, as: UTF8.self)
            #expect(text != nil, "not UTF-8")
            let bad = (text ?? "").unicodeScalars.filter { scalar in
                switch scalar.value {
                case 0x0a: false
                case 0..<0x20, 0x7f..<0xa0, 0x2028, 0x2029: true
                default: false
                }
            }
            #expect(bad.isEmpty, "\(bad.map { String($0.value, radix: 16) })")
        }
    }
}
