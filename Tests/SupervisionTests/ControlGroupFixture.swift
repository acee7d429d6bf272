// SPDX-License-Identifier: Apache-2.0
// A subtree of control groups for one test, where the machine has any and we may make them.

internal import Glibc

@testable internal import Supervision

/// Whether this process may make control groups.
let mayMakeControlGroups = ControlGroupSubtree.mount.map { isRoot && access($0, W_OK) == 0 } ?? false

/// A subtree of control groups that is removed with what is in it.
final class ControlGroupSubtree {
    /// Where the unified hierarchy is mounted; nil where it is not.
    static let mount: String? = {
        let proc = ControlGroupFolder("/proc/self")
        return ControlGroupLocation(cgroup: "0::/", mountinfo: proc.read("mountinfo") ?? "")?.path
    }()

    let folder: ControlGroupFolder

    init() throws {
        var random = SystemRandomNumberGenerator()
        let mount = Self.mount ?? ""
        folder = ControlGroupFolder("\(mount)/serverd-test-\(getpid())-\(random.next() as UInt32)")
        try folder.make()
    }

    deinit {
        folder.kill()
        while !folder.remove() { sched_yield() }
    }

    /// The groups of a daemon to which this subtree was delegated.
    func groups() -> ControlGroups { ControlGroups(folder, obstacle: nil) }
}
