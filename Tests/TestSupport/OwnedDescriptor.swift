// SPDX-License-Identifier: Apache-2.0
// A descriptor that a test holds and closes when it likes, and a pipe of two.

internal import CLinux
package import Descriptors
internal import Glibc
internal import Synchronization

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

/// A pipe whose ends are non-blocking.
package func makePipe() -> (reading: OwnedDescriptor, writing: OwnedDescriptor) {
    var numbers: [CInt] = [0, 0]
    precondition(pipe(&numbers) == 0, "pipe: \(String(cString: strerror(errno)))")
    for number in numbers {
        _ = clinux_set_close_on_exec(number)
        _ = clinux_set_nonblocking(number, 1)
    }
    return (
        OwnedDescriptor(Descriptor(adopting: numbers[0])), OwnedDescriptor(Descriptor(adopting: numbers[1]))
    )
}
