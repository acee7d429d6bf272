// SPDX-License-Identifier: Apache-2.0
// Errno as an error and as text.

internal import Descriptors
internal import Glibc
internal import SystemPackage
internal import Testing

@Suite("Errno")
struct ErrnoTests {
    @Test("its text has the name to search for, or the number where there is none")
    func name() {
        #expect(Errno.addressInUse.textWithName == "Address already in use (EADDRINUSE)")
        #expect(Errno(rawValue: 4095).textWithName == "Unknown error 4095 (errno 4095)")
    }

    @Test("when descriptors have run out the text says what to do")
    func remedy() {
        #expect(
            Errno.tooManyOpenFiles.textWithRemedy
                == "Too many open files (EMFILE); raise the limit on open files, LimitNOFILE= in the unit")
        #expect(Errno.tooManyOpenFilesInSystem.textWithRemedy.contains("(ENFILE); "))
        #expect(Errno.noSpace.textWithRemedy.contains("(ENOSPC); "))
        #expect(Errno.permissionDenied.textWithRemedy == "Permission denied (EACCES)")
    }

    @Test("a failed call is its errno, any other its result")
    func check() throws {
        #expect(try Errno.check(7) == 7)
        #expect(throws: Errno.noSuchFileOrDirectory) { try Errno.check(open("/nowhere/x", O_RDONLY)) }
        #expect(try Errno.check(libsystemd: 0) == 0)
        #expect(throws: Errno.noSpace) { try Errno.check(libsystemd: -ENOSPC) }
    }

    @Test("an interrupted call is made again, and no other")
    func interrupted() throws {
        var results = [(-1, EINTR), (-1, EINTR), (5, 0), (-1, EIO)][...]
        func call() -> Int {
            let (result, error) = results.removeFirst()
            errno = error
            return result
        }
        #expect(try Errno.retryingInterrupts(call) == 5)
        #expect(throws: Errno.ioError) { try Errno.retryingInterrupts(call) }
    }
}
