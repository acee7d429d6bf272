// SPDX-License-Identifier: Apache-2.0
// The lock by which one daemon at a time owns an admin socket.

internal import CLinux
internal import Descriptors
internal import Glibc
internal import ManagerInterface
internal import Synchronization
internal import SystemPackage

/// The right to an admin socket, held from before it is bound until after it is closed.
///
/// The lock file stays behind, empty and unlocked: unlinking it would let two daemons lock two files of one name.
final class AdminLock: Sendable {
    private let file: Mutex<Descriptor?>

    /// Takes the lock of `socket`, and makes the directory that both are in when it is `standardDirectory`.
    ///
    /// Any other is somebody's decision, or somebody's mistake: it must exist.
    ///
    /// - Throws: ``StartFailure`` when another daemon has it, or there is no place for it.
    init(
        socket: String, makingDirectory standardDirectory: String = directory(of: Manager.defaultSocketPath)
    ) throws(StartFailure) {
        let elsewhere = "choose another place with --admin-socket"
        let directory = Self.directory(of: socket)
        if directory == standardDirectory, mkdir(directory, 0o755) != 0, errno != EEXIST {
            let reason = Errno(rawValue: errno).textWithName
            throw StartFailure(
                .operatingSystem,
                "cannot make the directory \(directory) of the admin socket: \(reason); \(elsewhere)")
        }
        let path = socket + ".lock"
        let number = clinux_open_lock(path)
        guard number >= 0 else {
            let reason = Errno(rawValue: errno)
            let remedy = reason == .noSuchFileOrDirectory ? "make the directory \(directory) first, or " : ""
            throw StartFailure(
                .operatingSystem,
                "cannot open \(path), the lock of the admin socket: \(reason.textWithName); \(remedy)\(elsewhere)")
        }
        let file = Descriptor(adopting: number)
        guard flock(number, LOCK_EX | LOCK_NB) == 0 else {
            let reason = Errno(rawValue: errno)
            guard reason == .wouldBlock else {
                throw StartFailure(
                    .operatingSystem, "cannot lock \(path), the lock of the admin socket: \(reason.textWithName)")
            }
            throw StartFailure(
                .operatingSystem,
                "another serverd is running with the admin socket \(socket); stop it first, or give this one another "
                    + "with --admin-socket")
        }
        self.file = Mutex(file)
    }

    /// The lock that another image of this daemon had taken.
    init(takingOver file: consuming Descriptor) { self.file = Mutex(file) }

    /// The lock's descriptor, lent; nil once it was given up.
    var descriptor: CInt? { file.withLock { file in file?.use { $0 } } }

    /// The directory that a file is in.
    static func directory(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }

    /// Gives the right up.
    func release() {
        let open = file.withLock { $0.take() }
        open?.close()
    }
}
