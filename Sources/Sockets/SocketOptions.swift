// SPDX-License-Identifier: Apache-2.0
// Integer socket options of a descriptor.

internal import Descriptors
internal import Glibc

extension Descriptor {
    /// setsockopt(2) with an integer: 0, or -1 and errno.
    borrowing func setOption(_ level: CInt, _ name: CInt, _ value: CInt) -> CInt {
        var value = value
        return use { setsockopt($0, level, name, &value, socklen_t(MemoryLayout<CInt>.size)) }
    }

    /// getsockopt(2) of an integer; `nil` when it fails, as for what is not a socket.
    borrowing func option(_ level: CInt, _ name: CInt) -> CInt? {
        var value: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        return use { getsockopt($0, level, name, &value, &length) } == 0 ? value : nil
    }
}
