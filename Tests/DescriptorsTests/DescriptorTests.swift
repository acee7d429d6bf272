// SPDX-License-Identifier: Apache-2.0
// The ownership of a descriptor: closed once, by whom, and what happens to who closes another's.

internal import Descriptors
internal import Glibc
internal import SystemPackage
internal import Testing

// Each alone in a process: beside other tests a number that was closed may be another's at once.
@Suite("Descriptor")
struct DescriptorTests {
    @Test("close closes it, and nothing closes it again")
    func closedOnce() async {
        await #expect(processExitsWith: .success) {
            let number = opened()
            func close(_ descriptor: consuming Descriptor) { descriptor.close() }
            close(Descriptor(adopting: number))
            #expect(!isOpen(number))
            // Whoever is given the number next keeps it.
            #expect(opened() == number)
            #expect(isOpen(number))
        }
    }

    @Test("what is dropped is closed, on an early return and on a throw too")
    func dropped() async {
        await #expect(processExitsWith: .success) {
            func drop(_ number: CInt, throwing: Bool) throws(Errno) {
                let descriptor = Descriptor(adopting: number)
                if throwing { throw .ioError }
                descriptor.use { #expect(isOpen($0)) }
            }
            let number = opened()
            try drop(number, throwing: false)
            #expect(!isOpen(number))
            #expect(opened() == number)
            #expect(throws: Errno.ioError) { try drop(number, throwing: true) }
            #expect(!isOpen(number))
        }
    }

    @Test("what is released stays open")
    func released() async {
        await #expect(processExitsWith: .success) {
            let number = opened()
            let released = Descriptor(adopting: number).release()
            #expect(released == number)
            #expect(isOpen(number))
        }
    }

    @Test("to close a number that somebody else has closed traps")
    func closedBehindItsBack() async {
        await #expect(processExitsWith: .failure) {
            let descriptor = Descriptor(adopting: opened())
            descriptor.use { _ = close($0) }
            descriptor.close()
        }
        await #expect(processExitsWith: .failure) {
            let descriptor = Descriptor(adopting: opened())
            descriptor.use { _ = close($0) }
            _ = consume descriptor
        }
    }

    @Test("a negative number traps")
    func negative() async {
        await #expect(processExitsWith: .failure) { _ = Descriptor(adopting: -1) }
    }

    @Test("a duplicate is another number for the same file, close-on-exec, and closed by itself")
    func duplicate() async {
        await #expect(processExitsWith: .success) {
            let original = Descriptor(adopting: opened())
            let copy = try original.duplicate(atLeast: 100)
            let numbers = (original.use { $0 }, copy.use { $0 })
            #expect(numbers.1 >= 100)
            #expect(fcntl(numbers.1, F_GETFD) == FD_CLOEXEC)
            copy.close()
            #expect(isOpen(numbers.0) && !isOpen(numbers.1))
            let third = try Descriptor.duplicating(numbers.0).release()
            #expect(third >= 3)
            #expect(fcntl(third, F_GETFD) == FD_CLOEXEC)
            original.close()
        }
    }

    @Test("a duplicate of somebody else's number never becomes a standard descriptor")
    func notStandard() async {
        await #expect(processExitsWith: .success) {
            let number = opened()
            Glibc.close(0)
            let copy = try Descriptor.duplicating(number).release()
            #expect(copy >= 3)
            // Another thread of the process may have opened something meanwhile; it is no duplicate.
            var (standard, own) = (stat(), stat())
            #expect(fstat(number, &own) == 0)
            #expect(fstat(0, &standard) != 0 || standard.st_ino != own.st_ino || standard.st_dev != own.st_dev)
        }
    }

    @Test("there is no duplicate of what is not open")
    func duplicateOfNothing() async {
        await #expect(processExitsWith: .success) {
            #expect(throws: Errno.badFileDescriptor) { _ = try Descriptor.duplicating(opened() + 100) }
        }
    }
}

// A high number: the runtime's own threads may take a low one at any moment.
private func opened() -> CInt {
    let low = open("/dev/null", O_RDONLY | O_CLOEXEC)
    let number = fcntl(low, F_DUPFD_CLOEXEC, 500)
    precondition(low >= 0 && number >= 500, "open: \(errno)")
    close(low)
    return number
}

private func isOpen(_ number: CInt) -> Bool { fcntl(number, F_GETFD) >= 0 }
