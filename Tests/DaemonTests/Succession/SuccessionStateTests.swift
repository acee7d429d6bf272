// SPDX-License-Identifier: Apache-2.0
// What one image of the daemon tells the next: read as it was written, and not understood in another form.

import Descriptors
import Glibc
import Testing

@testable import Daemon

@Suite("what one image tells the next") struct SuccessionStateTests {
    private static func state() -> SuccessionState {
        var state = SuccessionState(
            daemonVersion: "1.2.3", images: 7, startTimestamp: 8, lastConnection: .max,
            arguments: ["serverd", "--x=\n"])
        state.services = [
            .init(
                accepted: 1, handlerFailures: 2, refused: 3, lastError: "\u{1}", lastErrorTimestamp: 4,
                listeningTimestamp: 5, isClosed: true, failure: "why",
                operators: .init(name: "git", limit: 6, configuredLimit: 7, isSuspended: true, isClosed: true)),
            .init(operators: .init(name: "web")),
        ]
        state.adminSocketFile = .init(device: .max, inode: 0)
        state.descriptors = [.init(name: "a", number: 3), .init(name: "a", number: 4)]
        state.wayBack = 5
        state.failure = "no"
        return state
    }

    private static func read(_ state: SuccessionState) throws -> SuccessionState {
        try state.write().use { try SuccessionState(from: $0) }
    }

    @Test("all of it is read as it was written")
    func survives() throws {
        #expect(try Self.read(Self.state()) == Self.state())
    }

    @Test("a state of another version, or with a ledger of another one, is not understood", arguments: [-1, 1])
    func otherVersions(distance: Int) {
        var other = Self.state()
        other.version += distance
        let defect = #expect(throws: SuccessionState.Defect.self) { try Self.read(other) }
        #expect(defect?.description.contains("has version \(SuccessionState.currentVersion + distance).") == true)
        other = Self.state()
        other.ledgerVersion += distance
        #expect(throws: SuccessionState.Defect.self) { try Self.read(other) }
    }

    @Test("what is no state is said to be none")
    func noState() {
        let file = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        let defect = #expect(throws: SuccessionState.Defect.self) { try SuccessionState(from: file) }
        #expect(defect?.description == "there is no state of another serverd in descriptor \(file)")
    }
}
