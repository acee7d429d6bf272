// SPDX-License-Identifier: Apache-2.0
// System calls as values that a test can replace by a script.

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
    /// As `Errno.check`.
    package static func check(_ result: CInt) throws(Errno) -> CInt { try Errno.check(result) }
}
