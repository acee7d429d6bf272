// SPDX-License-Identifier: Apache-2.0
// System calls as values that a test can replace by a script, and the check that turns errno into an error.

internal import Glibc
package import SystemPackage

/// One kind of system call, as a value: production makes the call, a test plays a script in its place.
package struct SystemCall<Input, Output>: Sendable {
    @usableFromInline let make: @Sendable (Input) -> Result<Output, Errno>

    /// A call that is made by `make`.
    package init(_ make: @escaping @Sendable (Input) -> Result<Output, Errno>) {
        self.make = make
    }

    /// Makes the call.
    @inlinable package func callAsFunction(_ input: Input) -> Result<Output, Errno> { make(input) }
}

extension SystemCall where Input == Never, Output == Never {
    /// The result of a call, or its errno as an error.
    ///
    /// The call must be an argument, so that errno is still its own.
    package static func check(_ result: CInt) throws(Errno) -> CInt {
        guard result >= 0 else { throw Errno(rawValue: errno) }
        return result
    }

    /// As ``check(_:)`` for calls that count bytes.
    package static func check(_ result: Int) throws(Errno) -> Int {
        guard result >= 0 else { throw Errno(rawValue: errno) }
        return result
    }

    /// Makes the call again for as long as a signal interrupts it.
    package static func retryingInterrupts(_ call: () -> Int) throws(Errno) -> Int {
        while true {
            let result = call()
            if result >= 0 { return result }
            let error = Errno(rawValue: errno)
            guard error == .interrupted else { throw error }
        }
    }
}
