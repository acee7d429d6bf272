// SPDX-License-Identifier: Apache-2.0
// The results of system calls: errno as an error.

internal import Glibc
package import SystemPackage

extension Errno {
    /// The result of a call, or its errno as an error.
    ///
    /// The call must be an argument, so that errno is still its own.
    @discardableResult
    package static func check(_ result: CInt) throws(Errno) -> CInt {
        guard result >= 0 else { throw Errno(rawValue: errno) }
        return result
    }

    /// The result of a call of libsystemd, or the errno that it returns negated as an error.
    @discardableResult
    package static func check(libsystemd result: CInt) throws(Errno) -> CInt {
        guard result >= 0 else { throw Errno(rawValue: -result) }
        return result
    }

    /// Makes a call that counts bytes, again for as long as a signal interrupts it.
    package static func retryingInterrupts(_ call: () -> Int) throws(Errno) -> Int {
        while true {
            let result = call()
            if result >= 0 { return result }
            let error = Errno(rawValue: errno)
            guard error == .interrupted else { throw error }
        }
    }
}
