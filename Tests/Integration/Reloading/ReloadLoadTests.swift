// SPDX-License-Identifier: Apache-2.0
// Many reloads while clients come: none of them may notice.

import Foundation
import Testing

extension Integration {
    @Suite("reload under load") struct ReloadLoadTests {
        /// How long, and how many clients a second: `make soak` asks for more.
        private static let seconds = variable("SERVERD_TEST_RELOAD_SECONDS") ?? 3
        private static let clientsPerSecond = variable("SERVERD_TEST_RELOAD_CLIENTS") ?? 100
        private static let reloadsPerSecond = 20

        private static func variable(_ name: String) -> Int? {
            ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
        }

        @Test("with 20 reloads a second every client is served, by the program of before or after")
        func noClientIsLost() throws {
            let (port, other) = try (ReservedPort(), ReservedPort())
            func file(_ word: String) -> ServiceFile {
                .program("kept", listen: "127.0.0.1:\(port.number)", ["/bin/echo", word])
            }
            try withDaemon([file("round 0")]) { daemon in
                let load = Load(on: port.endpoint, perSecond: Self.clientsPerSecond, expecting: "round ")
                let count = Self.seconds * Self.reloadsPerSecond
                for round in 1...count {
                    try daemon.write(file("round \(round)"))
                    // Another one comes and goes beside it.
                    if round < count, round.isMultiple(of: 2) {
                        try daemon.write(.builtin("other", listen: "127.0.0.1:\(other.number)", "echo"))
                    } else {
                        daemon.removeFile(of: "other")
                    }
                    daemon.process.signal(SIGHUP)
                    // Sets the pace; no result depends on it.
                    poll(nil, 0, CInt(1000 / Self.reloadsPerSecond))
                }
                let (served, failures) = load.end()
                let told = daemon.log.lines.filter { line in
                    !["connection ended", "reload", "listening"].contains { line.contains($0) }
                        || line.contains("signal=")
                }
                #expect(failures.isEmpty, "\(failures.count) of \(served): \(failures.prefix(5)); \(told.suffix(20))")
                #expect(served >= Self.seconds * Self.clientsPerSecond / 2, "too few clients: \(served)")
                try eventually("the last program is in effect") {
                    try Client(port.endpoint).receive() == "round \(count)\n"
                }
                #expect(!daemon.log.text.contains("not reloaded"))
            }
        }
    }
}
