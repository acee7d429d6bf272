// SPDX-License-Identifier: Apache-2.0
// A pseudo-terminal that stands for the one a daemon runs in.

import Descriptors
import Glibc

/// Both ends of a pseudo-terminal.
///
/// Nobody reads what is written to the slave.
struct TestTerminal: ~Copyable {
    private let master: Descriptor
    private var slave: Descriptor?

    init() {
        let master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        precondition(master >= 0, "/dev/ptmx: \(errno)")
        var lock: CInt = 0
        var number: CInt = 0
        // TIOCSPTLCK and TIOCGPTN: macros that Swift does not import.
        precondition(ioctl(master, 0x4004_5431, &lock) == 0, "TIOCSPTLCK: \(errno)")
        precondition(ioctl(master, 0x8004_5430, &number) == 0, "TIOCGPTN: \(errno)")
        let slave = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY | O_CLOEXEC)
        precondition(slave >= 0, "/dev/pts/\(number): \(errno)")
        self.master = Descriptor(adopting: master)
        self.slave = Descriptor(adopting: slave)
    }

    /// The end that a program has as standard error, once.
    mutating func takeSlave() -> Descriptor {
        guard let slave = slave.take() else { preconditionFailure("the slave was taken before") }
        return slave
    }

    /// Hangs up.
    consuming func close() { master.close() }
}
