// SPDX-License-Identifier: Apache-2.0
// What systemd sees: readiness, status, watchdog, the end, and descriptors by name.

import Foundation
import Testing

extension Integration {
    @Suite("under systemd") struct SystemdTests {
        private let hello = ServiceFile.program("hello", listen: "127.0.0.1:0", ["/bin/echo", "hello"])

        @Test("READY comes once everything listens, then STATUS, and STOPPING before the end")
        func lifeIsReported() throws {
            try withDaemon([hello]) { daemon in
                // READY has come: a client needs no second attempt.
                #expect(try Client(daemon.endpoint("hello")).receive() == "hello\n")
                try daemon.notifications.await("STATUS=", from: daemon.process)
                #expect(daemon.notifications.received.filter { $0 == "READY=1" }.count == 1)
            }
        }

        @Test("the watchdog is fed while the loop lives")
        func watchdogIsFed() throws {
            try withDaemon([hello], DaemonOptions(environment: ["WATCHDOG_USEC": "200000"])) { daemon in
                try daemon.notifications.await("WATCHDOG=1", from: daemon.process)
            }
        }

        @Test("an inherited descriptor that no service asks for is reported by name, and the others serve")
        func unclaimedDescriptorIsReported() throws {
            let claimed = ServiceFile.program("claimed", listen: "fd:claimed", ["/bin/echo", "hello"])
            try withDaemon([claimed], DaemonOptions(inherited: ["claimed", "forgotten"])) { daemon in
                try daemon.log.await("forgotten")
                #expect(try Client(daemon.endpoint("claimed")).receive() == "hello\n")
            }
        }
    }
}
