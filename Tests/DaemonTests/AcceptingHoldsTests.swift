// SPDX-License-Identifier: Apache-2.0
// Who is held and who is released, as reasons and servers come and go.

import Testing

@testable import Daemon

@Suite("AcceptingHolds")
struct AcceptingHoldsTests {
    /// Holds of servers that are only names, and what was told of them.
    private struct Scene {
        var holds = AcceptingHolds<String>()
        var servers = ["a", "b"]

        mutating func begin(_ reason: HoldReason) -> [String] { holds.begin(reason, servers) }
        mutating func end(_ reason: HoldReason) -> [String] { holds.end(reason) }
        mutating func join(_ server: String) -> Bool { holds.join(server) }
    }

    private static let all: [HoldReason] = [.suspension, .throttling, .turn(7), .start(7)]

    @Test("servers are held by the first reason, and released by the end of the last, whichever it is", arguments: all)
    func reasons(last: HoldReason) {
        var scene = Scene()
        let begun = Self.all.map { scene.begin($0) }
        #expect(begun == [["a", "b"], [], [], []])
        let others = Self.all.filter { $0 != last }
        let ended = others.map { scene.end($0) }
        #expect(ended == [[], [], []])
        #expect(scene.holds.isHolding && scene.holds.contains(last) && !others.contains(where: scene.holds.contains))
        let released = scene.end(last)
        #expect(released == ["a", "b"] && !scene.holds.isHolding)
    }

    @Test("a reason that is told twice ends once, and the end of one that never stood changes nothing")
    func repeated() {
        var scene = Scene()
        let early = scene.end(.start(1))
        let begun = [scene.begin(.start(1)), scene.begin(.start(1))]
        let ended = [scene.end(.start(2)), scene.end(.start(1)), scene.end(.start(1))]
        #expect(early == [] && begun == [["a", "b"], []] && ended == [[], ["a", "b"], []])
    }

    @Test("a server that comes while there is a reason is held and released with the others, another is not")
    func joining() {
        var scene = Scene(servers: [])
        let early = scene.join("early")
        let begun = scene.begin(.suspension)
        let late = scene.join("late")
        #expect(!early && begun == [] && late)
        let others = [scene.begin(.throttling), scene.end(.suspension)]
        let released = scene.end(.throttling)
        #expect(others == [[], []] && released == ["late"])
    }
}
