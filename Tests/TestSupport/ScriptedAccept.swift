// SPDX-License-Identifier: Apache-2.0
// accept(2) by script: errors that the kernel gives only on a bad day.

package import Descriptors
package import Sockets
internal import Synchronization
package import SystemPackage

/// An accept call that plays a script of errors, one a call, and makes the real call when the script is at its end.
package final class ScriptedAccept: Sendable {
    private let script: Mutex<[Errno?]>
    private let made = Mutex(0)

    /// Plays `errors` in their order; `nil` in their place is a real call.
    package init(_ errors: [Errno?] = []) {
        script = Mutex(errors)
    }

    /// Plays more errors.
    package func play(_ errors: [Errno?]) { script.withLock { $0 += errors } }

    /// How often accept was called.
    package var calls: Int { made.withLock { $0 } }

    /// The call to give to a server.
    package var call: SystemCall<CInt, AcceptedConnection> {
        SystemCall { listener in
            self.made.withLock { $0 += 1 }
            let error: Errno? = self.script.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            return error.map { .failure($0) } ?? SystemCall.kernel(listener)
        }
    }
}
