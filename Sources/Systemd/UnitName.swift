// SPDX-License-Identifier: Apache-2.0
// Which service unit a process belongs to, read from the path of its control group: pure.

/// The service unit that a process belongs to.
///
/// Not by sd_pid_get_unit(3), which reads of process 1, too: `ProtectProc=invisible` hides it.
struct UnitName: Equatable {
    private static let suffix = ".service"

    /// Its name, such as `serverd.service`.
    let name: String
    /// Whether it is one of a user's manager, and not of the system's.
    let isUsers: Bool

    /// Finds it in the text of /proc/self/cgroup (cgroups(7)): the innermost service; `nil` when there is none.
    init?(cgroup: String) {
        let lines = cgroup.split(separator: "\n")
        guard
            let line = lines.first(where: { $0.hasPrefix("0::") })
                ?? lines.first(where: { $0.contains(":name=systemd:") }),
            let path = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).last
        else { return nil }
        let services = path.split(separator: "/").filter { $0.hasSuffix(Self.suffix) }
        guard let innermost = services.last else { return nil }
        // systemd puts a `_` before a name that could be mistaken for a file of the control group's.
        name = String(innermost.hasPrefix("_") ? innermost.dropFirst() : innermost)
        isUsers = services.dropLast().contains { $0.hasPrefix("user@") }
    }
}
