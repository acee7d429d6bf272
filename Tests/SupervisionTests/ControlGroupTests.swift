// SPDX-License-Identifier: Apache-2.0
// Programs in control groups of the kernel: where they begin, and that nothing they leave behind is out of reach.

internal import CLinux
internal import Descriptors
internal import EventLoops
internal import Glibc
internal import Policy
internal import SystemPackage
internal import TestSupport
internal import Testing

@testable internal import Supervision

/// Tells the group it is in.
private let tellsGroup = shell("exec cat /proc/self/cgroup")
/// Leaves a process behind that is in no process group or session of its own, and ends.
private let escapes = shell("setsid sleep 1000 </dev/null >/dev/null 2>&1 & exit 0")
/// The same, and goes on.
private let staysAndEscapes = shell(
    "setsid sh -c 'echo ready; exec sleep 1000 </dev/null >/dev/null 2>&1' & exec sleep 1000")

@Suite(
    "control groups", .enabled(if: mayMakeControlGroups, "needs root and a unified control group hierarchy"),
    .timeLimit(.minutes(2)))
struct ControlGroupTests {
    /// Starts `command` where `group` says.
    private static func start(
        _ command: HandlerCommand, in group: ServiceGroup, _ limits: ResourceLimits?, connection: UInt64 = 1,
        by spawner: Spawner
    ) async throws -> (process: HandlerProcess, streams: Streams) {
        let streams = Streams()
        defer { streams.theirs.close() }
        let slot = await spawner.slot(for: try PreparedCommand(command))
        let process = try HandlerProcess.spawn(
            in: slot, environment: someEnvironment, socket: streams.theirs.number, standardError: silence,
            place: try group.place(connection, limits), by: spawner)
        try await process.executed()
        return (process, streams)
    }

    /// The group that a program says it is in.
    private static func told(_ streams: Streams, on loop: EventLoop) async -> Substring? {
        await streams.readAll(on: loop).split(separator: "\n").first { $0.hasPrefix("0::") }
    }

    @Test("a program begins in its service's group, or in its connection's own", arguments: [true, false])
    func begins(hasClone3: Bool) async throws {
        try await onLoop { loop in
            let tree = try ControlGroupSubtree()
            let group = try #require(tree.groups().service("test"))
            let spawner = try Spawner(
                on: loop,
                clone: SystemCall { record in
                    let isByClone3 = record.pointee.control_group >= 0 && record.pointee.joins_group == 0
                    return isByClone3 && !hasClone3 ? .failure(.noFunction) : SystemCall.spawn(record)
                })
            let (shared, first) = try await Self.start(tellsGroup, in: group, nil, by: spawner)
            #expect(await Self.told(first, on: loop)?.hasSuffix("/svc-test/shared") == true)
            let (own, second) = try await Self.start(
                tellsGroup, in: group, ResourceLimits(), connection: 7, by: spawner)
            #expect(await Self.told(second, on: loop)?.hasSuffix("/svc-test/conn-7") == true)
            for process in [shared, own] {
                let report = await process.exited()
                #expect(report.ending == .exited(code: 0) && !report.isLingering)
            }
            #expect(tree.folder.folder("svc-test").names == ["shared"])
            group.release()
            #expect(tree.folder.names == [])
        }
    }

    @Test("a group that was removed by somebody is made again")
    func removed() async throws {
        try await onLoop { loop in
            let tree = try ControlGroupSubtree()
            let group = try #require(tree.groups().service("test"))
            let spawner = try Spawner(on: loop)
            let (first, _) = try await Self.start(tellsGroup, in: group, nil, by: spawner)
            _ = await first.exited()
            #expect(tree.folder.folder("svc-test").remove())
            let failure = await #expect(throws: SpawnFailure.self) {
                try await Self.start(tellsGroup, in: group, nil, by: spawner)
            }
            #expect(failure?.isTransient == true)
            let (process, streams) = try await Self.start(tellsGroup, in: group, nil, by: spawner)
            #expect(await Self.told(streams, on: loop)?.hasSuffix("/svc-test/shared") == true)
            _ = await process.exited()
        }
    }

    @Test("a hundred programs that leave nothing are not lingering, and leave no group and no descriptor")
    func leavesNothing() async {
        // Alone: other tests open descriptors meanwhile.
        await #expect(processExitsWith: .success) {
            try await onLoop { loop in
                let tree = try ControlGroupSubtree()
                let group = try #require(tree.groups().service("test"))
                let spawner = try Spawner(on: loop)
                _ = silence
                _ = try await run(shell("true"), by: spawner, on: loop)
                let before = await steadyCensus(on: loop)
                for connection in 1...100 {
                    let (process, streams) = try await Self.start(
                        shell("exit 0"), in: group, ResourceLimits(), connection: UInt64(connection), by: spawner)
                    #expect(await process.exited().isLingering == false)
                    streams.ours.close()
                }
                while tree.folder.folder("svc-test").names != [] { await settle(loop) }
                while Census.take() != before { await settle(loop) }
            }
        }
    }

    @Test("who has left process group and session is lingering, and is ended by the end of the ladder")
    func escaped() async throws {
        try await onLoop { loop in
            let tree = try ControlGroupSubtree()
            let group = try #require(tree.groups().service("test"))
            let (process, _) = try await Self.start(escapes, in: group, ResourceLimits(), by: Spawner(on: loop))
            #expect(await process.exited().isLingering)
            let own = try #require(process.ownGroup)
            #expect(!own.isGone && tree.folder.isPopulated)
            let gone = OneShot<Void>()
            process.followGroup { gone.fulfil(()) }
            process.stop(.kill)
            await gone.value()
            #expect(own.isGone && !tree.folder.isPopulated)
        }
    }

    @Test("a program that is stopped has ended when its whole control group has, which SIGKILL sees to")
    func stopped() async throws {
        let clock = ManualClock()
        try await onLoop(clock: clock) { loop in
            let tree = try ControlGroupSubtree()
            let group = try #require(tree.groups().service("test"))
            let (process, streams) = try await Self.start(
                staysAndEscapes, in: group, ResourceLimits(), by: Spawner(on: loop))
            let readiness = Readiness(streams.ours.number, on: loop)
            _ = await readiness.wait(for: .read)
            readiness.close()
            process.stop(.terminate(grace: .seconds(5)))
            let ended = Task(executorPreference: loop) { await process.exited() }
            // The leader obeys at once.
            while process.isAlive { await loop.yieldTurn() }
            await clock.advance(by: .seconds(4), on: loop)
            #expect(process.report == nil && tree.folder.isPopulated)
            await clock.advance(by: .seconds(1), on: loop)
            while tree.folder.isPopulated { await loop.yieldTurn() }
            await clock.advance(by: .milliseconds(900), on: loop)
            let report = await ended.value
            #expect(report.ending == .killed(signal: SIGTERM, dumpedCore: false) && !report.isLingering)
            #expect(tree.folder.folder("svc-test").names == [])
        }
    }

    @Test("what a service's programs leave behind is ended with the service, unless another has its name")
    func service() async throws {
        try await onLoop { loop in
            let tree = try ControlGroupSubtree()
            let groups = tree.groups()
            let group = try #require(groups.service("test"))
            #expect(!group.killWhatIsLeft())
            let (process, _) = try await Self.start(escapes, in: group, nil, by: Spawner(on: loop))
            _ = await process.exited()
            let successor = try #require(groups.service("test"))
            #expect(!group.killWhatIsLeft())
            successor.release()
            #expect(group.killWhatIsLeft())
            while tree.folder.isPopulated { await loop.yieldTurn() }
            #expect(!group.killWhatIsLeft())
        }
    }

    @Test("a connection's group that is in the way is left alone, and a limit that cannot be set is an error")
    func obstacles() async throws {
        try await onLoop { _ in
            let tree = try ControlGroupSubtree()
            let groups = tree.groups()
            let group = try #require(groups.service("test"))
            _ = try group.place(1, ResourceLimits())
            _ = try group.place(1, ResourceLimits())
            #expect(tree.folder.folder("svc-test").names.sorted() == ["conn-1", "conn-1-2"])
            #expect(group.group(of: 1) != nil && group.group(of: 2) == nil)
            // This machine has no such controller, or the test's subtree was not given it.
            let missing = groups.enable(ResourceLimits(memory: 1 << 20))
            if let missing { #expect(missing.contains("the controller memory cannot be enabled")) }
        }
    }

    @Test("a program begins in another group than one that was killed: there it would be killed, too")
    func afterAKill() async throws {
        try await onLoop { loop in
            let tree = try ControlGroupSubtree()
            let spawner = try Spawner(on: loop)
            let group = try #require(tree.groups().service("test"))
            let (process, streams) = try await Self.start(shell("exec sleep 1000"), in: group, nil, by: spawner)
            #expect(group.killWhatIsLeft())
            #expect(await process.exited().ending == .killed(signal: SIGKILL, dumpedCore: false))
            withExtendedLifetime(streams) {}
            let (next, others) = try await Self.start(tellsGroup, in: group, nil, by: spawner)
            #expect(await Self.told(others, on: loop)?.contains("/svc-test/shared") == true)
            #expect(await next.exited().ending == .exited(code: 0))
            group.release()
        }
    }

    @Test("the daemon moves into a group of its own, and removes what is empty of an earlier one")
    func takeOver() async {
        await #expect(processExitsWith: .success) {
            let tree = try ControlGroupSubtree()
            let old = tree.folder.folder("svc-old")
            try old.make()
            try old.folder("shared").make()
            #expect(ControlGroups.takeOver(tree.folder.path).areUsed)
            #expect(tree.folder.names == ["supervisor"])
            let line = ControlGroupFolder("/proc/self").read("cgroup")?.split(separator: "\n").last {
                $0.hasPrefix("0::")
            }
            #expect(line?.hasSuffix("/supervisor") == true)
            // Where it came from, so that the subtree can go.
            try ControlGroupFolder(ControlGroupSubtree.mount ?? "").write("0", to: "cgroup.procs")
        }
    }

    @Test("a group that was not delegated is not touched")
    func notDelegated() throws {
        let tree = try ControlGroupSubtree()
        #expect(!tree.folder.isDelegated)
        #expect(!ControlGroups.takeOver("/proc/self/nothing").areUsed)
        let none = ControlGroups.none(because: "x")
        #expect(none.service("test") == nil && none.enable(ResourceLimits(tasks: 1)) == "x")
    }
}
