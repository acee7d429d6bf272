// SPDX-License-Identifier: Apache-2.0
// Descriptors that are kept for the operator: when connections have taken all others, the admin socket still accepts.

internal import Descriptors
internal import Glibc
internal import Sockets
internal import Synchronization
internal import SystemPackage

/// A few descriptors that are open for nothing but to be closed when one is needed.
///
/// Limits are per service, descriptors are not: services within their limits can take all there are.
final class DescriptorReserve: Sendable {
    private let size: Int
    private let numbers = Mutex<[CInt]>([])

    /// A reserve of so many descriptors, or as many as there are.
    init(_ size: Int) {
        self.size = size
        refill()
    }

    deinit { close() }

    /// How many it has now.
    var count: Int { numbers.withLock { $0.count } }

    /// Takes back what was given away, as far as there are descriptors.
    func refill() {
        while count < size {
            let number = open("/dev/null", O_RDONLY | O_CLOEXEC)
            guard number >= 0 else { return }
            let isNeeded = numbers.withLock { numbers in
                guard numbers.count < size else { return false }
                numbers.append(number)
                return true
            }
            // Another thread was faster.
            if !isNeeded { Descriptor(adopting: number).close() }
        }
    }

    /// Gives all of them back.
    func close() { while giveOne() {} }

    /// `call`, which is tried again with a descriptor of the reserve when there is no other.
    func accepting(
        by call: SystemCall<CInt, AcceptedConnection>
    ) -> SystemCall<CInt, AcceptedConnection> {
        SystemCall { [self] listener in
            let result = call(listener)
            // What the system has not got (ENFILE) a descriptor of ours would not bring: others are as quick to take it.
            guard case .failure(.tooManyOpenFiles) = result, giveOne() else { return result }
            // When there was nobody to accept it is taken back at once.
            defer { refill() }
            return call(listener)
        }
    }

    private func giveOne() -> Bool {
        guard let number = numbers.withLock({ $0.popLast() }) else { return false }
        Descriptor(adopting: number).close()
        return true
    }
}
