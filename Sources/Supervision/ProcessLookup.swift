// SPDX-License-Identifier: Apache-2.0
// How a process is looked for by its number: that it is gone is told from that nobody can tell.

internal import CLinux
package import Descriptors
internal import Glibc
internal import SystemPackage

/// The system calls by which a process is found that an earlier daemon has started; a test plays a script in their place.
package struct ProcessLookup: Sendable {
    private let open: SystemCall<Int32, CInt>
    private let openStat: SystemCall<Int32, CInt>

    /// Those of the kernel, but for what a test replaces.
    /// - Parameters:
    ///   - open: pidfd_open(2).
    ///   - openStat: open(2) of /proc/PID/stat.
    package init(
        open: SystemCall<Int32, CInt> = .openProcess, openStat: SystemCall<Int32, CInt> = .openProcessStat
    ) {
        self.open = open
        self.openStat = openStat
    }

    /// A descriptor of the process that has `pid`; nil when there is none.
    func process(_ pid: Int32) throws(Errno) -> Descriptor? {
        do throws(Errno) { return Descriptor(adopting: try open(pid).get()) } catch {
            // The number may be that of a thread, or of a group whose leader is gone: kernels differ in what they say then.
            let isNone = [.noSuchProcess, .noSuchFileOrDirectory, .invalidArgument].contains(error)
            if isNone { return nil }
            throw error
        }
    }

    /// What there is to read of the process that `pidfd` refers to, whose number `pid` is; nil when it is gone.
    func stat(of pid: Int32, _ pidfd: borrowing Descriptor) throws(Errno) -> ProcessStat? {
        do throws(Errno) { return try ProcessStat.read(from: openStat(pid).get()) } catch {
            // A process that may not be seen has no file either, and may be running.
            let isGone = pidfd.use { clinux_pidfd_signal($0, 0) } < 0 && errno == ESRCH
            if isGone { return nil }
            throw error
        }
    }
}

extension SystemCall<Int32, CInt> {
    /// A descriptor of the process that has this number.
    package static var openProcess: Self { Self { pid in result(clinux_open_process(pid)) } }

    /// The file /proc/PID/stat of the process that has this number.
    package static var openProcessStat: Self {
        Self { pid in result(Glibc.open("/proc/\(pid)/stat", O_RDONLY | O_CLOEXEC)) }
    }

    private static func result(_ number: CInt) -> Result<CInt, Errno> {
        number >= 0 ? .success(number) : .failure(Errno(rawValue: errno))
    }
}
