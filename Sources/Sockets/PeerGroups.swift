// SPDX-License-Identifier: Apache-2.0
// Which groups the process at the other end of a Unix socket was in, by the kernel's word.

internal import Glibc

extension ConnectedSocket {
    /// The supplementary groups of the process that connected to a Unix socket, as they were when it connected; its
    /// effective group need not be among them.
    ///
    /// None for a connection of the Internet, or a closed one. Only on the loop.
    package var peerGroups: [UInt32] {
        guard peerCredentials != nil else { return [] }
        return withDescriptor { number in
            // Asked until there is room enough: the kernel says how much it takes.
            var groups = [gid_t](repeating: 0, count: 64)
            while true {
                var length = socklen_t(groups.count * MemoryLayout<gid_t>.stride)
                let result = getsockopt(number, SOL_SOCKET, SO_PEERGROUPS, &groups, &length)
                let count = Int(length) / MemoryLayout<gid_t>.stride
                if result == 0 { return Array(groups.prefix(count)) }
                guard errno == ERANGE, count > groups.count else { return [] }
                groups = [gid_t](repeating: 0, count: count)
            }
        } ?? []
    }
}
