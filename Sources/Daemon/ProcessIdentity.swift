// SPDX-License-Identifier: Apache-2.0
// Who this process is to the kernel.

internal import CLinux
internal import Glibc
internal import Supervision

/// Who this process is to the kernel: all its user and group ids.
struct ProcessIdentity: Equatable, Sendable {
    /// The real, effective and saved user id, each once.
    var users: Set<UInt32>
    /// The real, effective and saved group id, each once.
    var groups: Set<UInt32>
    /// The supplementary groups.
    var supplementaryGroups: Set<UInt32>

    /// The identity of this process now.
    static var current: ProcessIdentity {
        var users: (uid_t, uid_t, uid_t) = (0, 0, 0)
        var groups: (gid_t, gid_t, gid_t) = (0, 0, 0)
        clinux_user_ids(&users.0, &users.1, &users.2)
        clinux_group_ids(&groups.0, &groups.1, &groups.2)
        var supplementary = [gid_t](repeating: 0, count: max(0, Int(getgroups(0, nil))))
        let count = getgroups(CInt(supplementary.count), &supplementary)
        return ProcessIdentity(
            users: [users.0, users.1, users.2], groups: [groups.0, groups.1, groups.2],
            supplementaryGroups: Set(supplementary.prefix(max(0, Int(count)))))
    }

    /// Whether programs may be started as somebody else.
    var isRoot: Bool { users.contains(0) }

    /// Whether setgroups, setresgid and setresuid to `account` would change nothing.
    ///
    /// A primary group counts as one of the others whether it is listed among them or not: to the kernel it is the same.
    func isExactly(_ account: HandlerAccount) -> Bool {
        users == [account.uid] && groups == [account.gid]
            && supplementaryGroups.union([account.gid]) == Set(account.groups).union([account.gid])
    }
}
