// SPDX-License-Identifier: Apache-2.0
// What has left its connection's process group: it is the service's, and ends when that closes for good.

import EventLoops
import Glibc
import ManagerInterface
import SocketServer
import TestSupport
import Testing

@testable import Daemon
@testable import ServiceConfig
@testable import Supervision

/// A subtree of control groups, where this process may make one; removed with what is in it.
private final class Subtree: Sendable {
    private static let mount = ControlGroupLocation(
        cgroup: "0::/", mountinfo: ControlGroupFolder("/proc/self").read("mountinfo") ?? "")?.path
    /// Whether one can be made.
    static let isPossible = mount.map { geteuid() == 0 && access($0, W_OK) == 0 } ?? false

    let folder = ControlGroupFolder("\(Subtree.mount ?? "")/\(uniqueName())")

    init() throws { try folder.make() }

    deinit {
        folder.kill()
        while !folder.remove() { sched_yield() }
    }
}

@Suite(
    "Escaped processes", .enabled(if: Subtree.isPossible, "needs root and a unified control group hierarchy"),
    .timeLimit(.minutes(5)))
struct EscapedProcessTests {
    @Test("what has left its connection's group is ended with its service, also when that serves nobody any more")
    func ended() async throws {
        let endpoint = try Endpoint()
        let tree = try Subtree()
        let escapes = shell("setsid sh -c 'echo out; exec sleep 1000 </dev/null >/dev/null 2>&1' & read line")
        try await withServices(
            service(on: endpoint, handler: escapes),
            adjusting: { $0.controlGroups = ControlGroups(tree.folder, obstacle: nil) }
        ) { services in
            let client = try endpoint.connect(services)
            #expect(try await client.line() == "out")
            try client.write("end\n")
            #expect(try await client.readToEnd() == [])
            await client.close()
            await services.wait { $0.connections == 0 }
            // One that keeps its connections keeps this as well.
            await (try services.manager.close(.init(service: "test"))).finished()
            #expect(tree.folder.isPopulated && services.log.lines("<5>ended processes").isEmpty)
            await (try services.manager.close(.init(service: "test", existing: .stop))).finished()
            try #require(services.log.lines("<5>ended processes").count == 1)
            while tree.folder.isPopulated { await services.loop.yieldTurn() }
            // Of nothing nothing is said.
            await (try services.manager.close(.init(service: "test", existing: .stop))).finished()
            #expect(services.log.lines("<5>ended processes").count == 1)
        }
    }
}
