// SPDX-License-Identifier: Apache-2.0
// The ownership of one open file descriptor, and the only close(2) of the project.

internal import CLinux
internal import Glibc
package import SystemPackage

/// One open file descriptor, owned by exactly one value.
///
/// It is guaranteed that the number is closed once: by ``close()``, or by `deinit` when an early return or a throw
/// drops the value. ``release()`` hands the number on instead. Closing a number that is not open means that some other
/// connection just lost its socket; that is our bug, and traps.
package struct Descriptor: ~Copyable, Sendable {
    @usableFromInline let number: CInt

    /// Takes ownership of `number`, which the caller has just made or been given, close-on-exec.
    package init(adopting number: CInt) {
        precondition(number >= 0, "a descriptor is never negative: \(number)")
        self.number = number
    }

    deinit { Self.closeNumber(number) }

    /// Closes the descriptor now.
    ///
    /// An I/O error that close(2) reports is lost, as in every server.
    package consuming func close() {
        let number = self.number
        discard self
        Self.closeNumber(number)
    }

    /// Gives up ownership without closing.
    package consuming func release() -> CInt {
        let number = self.number
        discard self
        return number
    }

    /// The number, for a system call made during `body`.
    @inlinable package borrowing func use<R, E: Error>(_ body: (CInt) throws(E) -> R) throws(E) -> R {
        try body(number)
    }

    /// What can be read from where it is to the end, for small files of /proc and the like.
    package borrowing func readToEnd() throws(Errno) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(number, &buffer, buffer.count)
            guard count >= 0 else { throw Errno(rawValue: errno) }
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
        }
    }

    /// A second descriptor of the same open file, close-on-exec, numbered at least `lowest`.
    package borrowing func duplicate(atLeast lowest: CInt = 0) throws(Errno) -> Descriptor {
        Descriptor(adopting: try Errno.check(clinux_duplicate(number, lowest)))
    }

    /// A descriptor of the open file that `number`, which somebody else owns, refers to: close-on-exec, numbered at
    /// least `lowest`, which is never a standard one.
    package static func duplicating(_ number: CInt, atLeast lowest: CInt = 3) throws(Errno) -> Descriptor {
        Descriptor(adopting: try Errno.check(clinux_duplicate(number, max(3, lowest))))
    }

    private static func closeNumber(_ number: CInt) {
        // Linux frees the number even when close(2) answers EINTR: never retry.
        guard closeDescriptor(number) != 0 else { return }
        precondition(errno != EBADF, "descriptor \(number) was closed behind its owner's back")
    }
}

/// close(2), under a name that the type's own `close()` does not hide.
private func closeDescriptor(_ number: CInt) -> CInt { Glibc.close(number) }
