// SPDX-License-Identifier: Apache-2.0
// Where the daemon's control group is, read from what the kernel tells of the process and its mounts: pure.

/// Where a process's control group of the unified hierarchy (cgroup v2) is in the file system.
struct ControlGroupLocation: Equatable {
    /// The group that the daemon moves itself into, so that the one above has no processes of its own.
    static let supervisor = "supervisor"
    /// Where systemd starts a unit's commands besides its main one.
    private static let control = ".control"

    /// The group's directory.
    let path: String

    /// Finds it in the text of /proc/self/cgroup and /proc/self/mountinfo (proc(5)); `nil` when there is none, or it is
    /// not to be seen.
    init?(cgroup: String, mountinfo: String) {
        guard let line = cgroup.split(separator: "\n").first(where: { $0.hasPrefix("0::/") }),
            let mount = mountinfo.split(separator: "\n").lazy.compactMap(Mount.init).first
        else { return nil }
        let group = line.dropFirst(3)
        // Outside of our namespace.
        guard !group.hasPrefix("/.."), let below = Self.path(of: group, below: mount.root) else { return nil }
        path = mount.point + below
    }

    private init(path: String) { self.path = path }

    /// The groups that may have been delegated to us, the likeliest first: where the daemon has moved itself before, or
    /// systemd did (`DelegateSubgroup=`; `.control` for other commands of a unit), it is the one above.
    var candidates: [String] {
        for name in [Self.supervisor, Self.control] where path.hasSuffix("/" + name) {
            return [String(path.dropLast(name.utf8.count + 1)), path]
        }
        return [path]
    }

    private static func path(of group: Substring, below root: Substring) -> String? {
        if root == "/" { return group == "/" ? "" : String(group) }
        if group == root { return "" }
        return group.hasPrefix(root + "/") ? String(group.dropFirst(root.count)) : nil
    }

    /// A mount of the unified hierarchy: the part that is mounted, and where.
    private struct Mount {
        let root: Substring
        let point: String

        init?(_ line: Substring) {
            let fields = line.split(separator: " ")
            guard let separator = fields.firstIndex(of: "-"), separator >= 6, separator + 1 < fields.count,
                fields[separator + 1] == "cgroup2"
            else { return nil }
            root = fields[3]
            // The kernel writes a space as \040; nobody mounts it there.
            point = String(fields[4])
        }
    }
}
