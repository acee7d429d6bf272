// SPDX-License-Identifier: Apache-2.0
// The file of a Unix socket: who owns it, when an old one may be removed, and that only our own is unlinked.

internal import CLinux
internal import Descriptors
internal import Glibc
internal import Policy
internal import SystemPackage

/// A socket file that we created: it is unlinked only while it is still the same file.
package struct UnixSocketFile: Hashable, Sendable {
    /// Where it was made.
    package let path: String
    /// The device of its directory's file system.
    package let device: UInt
    /// Its number there.
    package let inode: UInt

    /// The file that was made at `path` with this identity.
    package init(path: String, device: UInt, inode: UInt) {
        self.path = path
        self.device = device
        self.inode = inode
    }

    /// Changes the mode of the file, unless somebody has put another one in its place.
    func setMode(_ mode: UInt32) {
        guard isOurs else { return }
        _ = fchmodat(AT_FDCWD, path, mode, AT_SYMLINK_NOFOLLOW)
    }

    /// Removes the file, unless somebody has put another one in its place.
    package func unlink() {
        guard isOurs else { return }
        _ = Glibc.unlink(path)
    }

    /// Whether somebody has removed it or put another one in its place; false when that cannot be seen.
    ///
    /// It may block: the file system may be another machine's.
    package var isGone: Bool {
        switch found {
        case .success(let isThis): !isThis
        case .failure(let error): error == .noSuchFileOrDirectory || error == .notDirectory
        }
    }

    private var isOurs: Bool { (try? found.get()) ?? false }

    /// Whether the file at the path is this one.
    private var found: Result<Bool, Errno> {
        var status = stat()
        guard lstat(path, &status) == 0 else { return .failure(Errno(rawValue: errno)) }
        return .success(status.st_dev == device && status.st_ino == inode)
    }
}

/// The directory of a socket file that is to be created, held open meanwhile so that its checks stay true.
struct SocketDirectory: ~Copyable {
    private let directory: Descriptor
    private let path: String
    private let fileName: String

    /// Opens the directory of `path`, whose file will belong to `user`.
    /// - Throws: when it does not exist, or others may replace files in it: then anybody could take the service's place.
    init(of path: String, for user: UInt32? = nil) throws(ListenFailure) {
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        guard let last = path.utf8.last, last != UInt8(ascii: "/"), !path.utf8.contains(0) else {
            throw ListenFailure(
                .path, UnixAddress.path(path).description, nil,
                reason: "a socket needs a file name, without a NUL in it")
        }
        let directoryPath = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let number = open(directoryPath, O_DIRECTORY | O_CLOEXEC | O_RDONLY)
        guard number >= 0 else {
            let error = Errno(rawValue: errno)
            throw ListenFailure(.path, path, error, reason: Self.remedy(for: error, directoryPath))
        }
        let opened = Descriptor(adopting: number)
        var status = stat()
        guard fstat(number, &status) == 0 else { throw ListenFailure(.path, path, Errno(rawValue: errno)) }
        let othersWrite = status.st_mode & 0o022 != 0 && status.st_mode & S_ISVTX == 0
        guard !othersWrite else {
            throw ListenFailure(
                .path, path, nil,
                reason: "others may write to its directory \(directoryPath), which has no sticky bit; "
                    + "chmod go-w it, or choose another directory")
        }
        // Its owner may do what it likes in it: give the name that is to be handed out to another file, for one.
        guard geteuid() != 0 || status.st_uid == 0 || status.st_uid == user else {
            throw ListenFailure(
                .path, path, nil,
                reason:
                    "its directory \(directoryPath) belongs to user \(status.st_uid), who could replace the socket; "
                    + "choose a directory of root, or give the socket to that user (socket_user)")
        }
        directory = opened
        self.path = path
        fileName = slash.map { String(path[path.utf8.index(after: $0)...]) } ?? path
    }

    /// What to do when a directory cannot be opened; `nil` when that is not the directory's fault, or nobody knows.
    private static func remedy(for error: Errno, _ directory: String) -> String? {
        switch error {
        case .noSuchFileOrDirectory: "create the directory \(directory) first"
        case .notDirectory, .tooManySymbolicLinkLevels, .fileNameTooLong:
            "\(directory) is no directory; choose another path"
        case .permissionDenied:
            "this process may not read the directory \(directory); let it, or choose another directory"
        default: nil
        }
    }

    /// The path to give to bind(2): the path itself, or a shorter way to the same file when it is too long for a socket.
    var bindPath: String {
        path.utf8.count <= 107 ? path : "/proc/self/fd/\(directory.use { $0 })/\(fileName)"
    }

    /// Unlinks what is at the path if it is a socket on which nobody listens any more.
    /// - Throws: when it is something else, or in use.
    borrowing func removeStaleSocket() throws(ListenFailure) {
        guard let status = fileStatus() else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw ListenFailure(.path, path, nil, reason: "it exists and is not a socket; remove it by hand")
        }
        let inUse = ListenFailure(.bind, path, .addressInUse, reason: "another process listens there")
        // First: a connection disturbs who listens there, and this may be tried again and again. Of other network
        // namespaces, and where the kernel does not say, only a connection tells.
        if (try? SocketDiagnostics().isListenedOn(status)) ?? false { throw inUse }
        let number = clinux_socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, 1)
        guard number >= 0 else { throw ListenFailure(.socket, path, Errno(rawValue: errno)) }
        let probe = Descriptor(adopting: number)
        guard var raw = RawAddress(.unix(.path(bindPath))) else {
            throw ListenFailure(.path, path, nil, reason: "its file name is too long")
        }
        let answer = probe.use { clinux_connect($0, &raw.storage, raw.length) }
        let refused = answer != 0 && errno == ECONNREFUSED
        probe.close()
        guard refused else { throw inUse }
        _ = directory.use { unlinkat($0, fileName, 0) }
    }

    /// Sets the mode and the owner of the file that bind(2) has just made, on which nobody listens yet.
    borrowing func setAccess(_ options: SocketFileOptions) throws(ListenFailure) {
        // bind(2) has applied the umask, which belongs to the whole process: what it took is given back here.
        let result = directory.use {
            clinux_set_socket_access(
                $0, fileName, options.mode, options.user ?? uid_t.max, options.group ?? gid_t.max)
        }
        guard result != 0 else { return }
        let error = Errno(rawValue: errno)
        let reason = error == .fileExists ? "somebody has put another file in its place" : nil
        throw ListenFailure(.access, path, error, reason: reason)
    }

    /// The identity of the file that bind(2) has just made.
    borrowing func createdFile() -> UnixSocketFile? {
        fileStatus().map { UnixSocketFile(path: path, device: UInt($0.st_dev), inode: UInt($0.st_ino)) }
    }

    private borrowing func fileStatus() -> stat? {
        var status = stat()
        return directory.use { fstatat($0, fileName, &status, AT_SYMLINK_NOFOLLOW) } == 0 ? status : nil
    }
}
