// SPDX-License-Identifier: Apache-2.0
// Callers of the manager interface that no socket belongs to.

@testable import Daemon

extension AdminCaller {
    /// A caller with these ids and no other groups, whose connection nobody can close.
    init(uid: UInt32, pid: Int32, gid: UInt32) {
        self.init(uid: uid, pid: pid, gid: gid, supplementaryGroups: [], disconnect: {})
    }
}
