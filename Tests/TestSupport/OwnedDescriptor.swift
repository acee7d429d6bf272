// SPDX-License-Identifier: Apache-2.0
// A descriptor that a test holds and closes when it likes, and a pipe of two.

internal import CLinux
package import Descriptors
internal import Glibc
internal import Synchronization
internal import SystemPackage

/// A descriptor in the hands of a test: shared between its tasks, closed once.
package final class OwnedDescriptor: Sendable {
    private let descriptor: Mutex<Descriptor?>

    /// Takes ownership.
    package init(_ descriptor: consuming Descriptor) {
        self.descriptor = Mutex(descriptor)
    }

    /// The number; traps when it is closed.
    package var number: CInt {
        descriptor.withLock { descriptor in
            guard let number = descriptor?.use({ $0 }) else { preconditionFailure("the descriptor is closed") }
            return number
        }
    }

    /// A second number for what it refers to, close-on-exec; whoever is given it closes it.
    package func duplicate() -> CInt {
        let copy = clinux_duplicate(number, 0)
        precondition(copy >= 0, "fcntl F_DUPFD_CLOEXEC: \(Errno(rawValue: errno))")
        return copy
    }

    /// Gives the number away to somebody who will close it.
    package func release() -> CInt {
        descriptor.withLock { descriptor in
            guard let open = descriptor.take() else { preconditionFailure("the descriptor is closed") }
            return open.release()
        }
    }

    /// Closes it; harmless when repeated.
    package func close() {
        descriptor.withLock { descriptor in
            if let open = descriptor.take() { open.close() }
        }
    }
}

/// A pipe whose ends are non-blocking, unless they are asked to block.
///
/// They are close-on-exec from their first moment: other tests start processes meanwhile, and a pipe's end that one of
/// them keeps open is an end that does not come.
package func makePipe(isBlocking: Bool = false) -> (reading: OwnedDescriptor, writing: OwnedDescriptor) {
    do {
        let ends = try FileDescriptor.pipe(options: isBlocking ? .closeOnExec : [.closeOnExec, .nonBlocking])
        return (
            OwnedDescriptor(Descriptor(adopting: ends.readEnd.rawValue)),
            OwnedDescriptor(Descriptor(adopting: ends.writeEnd.rawValue))
        )
    } catch {
        preconditionFailure("pipe: \(error)")
    }
}
