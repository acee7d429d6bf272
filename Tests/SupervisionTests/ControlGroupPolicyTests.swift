// SPDX-License-Identifier: Apache-2.0
// What needs no kernel: where our control group is, and what limits are written as.

internal import Policy
internal import Testing

@testable internal import Supervision

@Suite("control groups, the pure part")
struct ControlGroupPolicyTests {
    private static func mount(_ root: String, _ point: String, _ kind: String = "cgroup2", _ fields: String = "")
        -> String
    {
        "41 31 0:38 \(root) \(point) rw,relatime \(fields)- \(kind) x rw\n"
    }

    private static func path(_ cgroup: String, _ mountinfo: String) -> String? {
        ControlGroupLocation(cgroup: cgroup, mountinfo: mountinfo)?.path
    }

    @Test("our group is below the mount, however much of the hierarchy is mounted")
    func location() {
        let unit = "12:pids:/x\n0::/system.slice/serverd.service\n"
        let whole = Self.mount("/", "/sys/fs/cgroup")
        #expect(Self.path(unit, whole) == "/sys/fs/cgroup/system.slice/serverd.service")
        #expect(Self.path("0::/\n", whole) == "/sys/fs/cgroup")
        let hybrid =
            Self.mount("/", "/sys/fs/cgroup/pids", "cgroup") + Self.mount("/", "/u", "cgroup2", "shared:4 master:1 ")
        #expect(Self.path(unit, hybrid) == "/u/system.slice/serverd.service")
        #expect(Self.path(unit, Self.mount("/system.slice", "/c")) == "/c/serverd.service")
        #expect(Self.path(unit, Self.mount("/system.slice/serverd.service", "/c")) == "/c")
    }

    @Test("a group that is not to be seen is none")
    func noLocation() {
        #expect(Self.path("0::/a\n", "") == nil)
        #expect(Self.path("", Self.mount("/", "/c")) == nil)
        #expect(Self.path("1:name=systemd:/a\n", Self.mount("/", "/c")) == nil)
        #expect(Self.path("0::/../a\n", Self.mount("/", "/c")) == nil)
        #expect(Self.path("0::/system.slicer/a\n", Self.mount("/system.slice", "/c")) == nil)
        #expect(Self.path("0::/a\n", "41 31 0:38 / /c rw - cgroup cgroup2 rw\n41 31 - cgroup2\n-\n\n") == nil)
    }

    @Test("where the daemon has moved itself before, the group above is looked at first")
    func candidates() {
        func candidates(_ group: String) -> [String]? {
            ControlGroupLocation(cgroup: "0::\(group)\n", mountinfo: Self.mount("/", "/c"))?.candidates
        }
        #expect(candidates("/s/supervisor") == ["/c/s", "/c/s/supervisor"])
        #expect(candidates("/s/.control") == ["/c/s", "/c/s/.control"])
        #expect(candidates("/s") == ["/c/s"])
        #expect(candidates("/mysupervisor") == ["/c/mysupervisor"])
    }

    @Test("each limit is written to the files of its controller, and of no other")
    func files() {
        let all = ResourceLimits(memory: 64 << 20, tasks: 16, cpu: 150)
        #expect(all.controllers == [.memory, .pids, .cpu])
        func written(_ limits: ResourceLimits) -> [String] {
            limits.controllers.flatMap(limits.files).map { "\($0.name)=\($0.value)" }
        }
        #expect(
            written(all) == [
                "memory.max=67108864", "memory.swap.max=0", "memory.oom.group=1", "pids.max=16",
                "cpu.max=150000 100000",
            ])
        #expect(written(ResourceLimits(cpu: 1)) == ["cpu.max=1000 100000"])
        #expect(written(ResourceLimits(tasks: 1)) == ["pids.max=1"])
        #expect(written(ResourceLimits()) == [])
        #expect(all.files(for: .memory).filter(\.isOptional).map(\.name) == ["memory.swap.max"])
    }
}
