// SPDX-License-Identifier: Apache-2.0
// Reads one configuration file from the file system, whatever lies there, without waiting and within its size limit.

internal import Descriptors
internal import Glibc
internal import ServiceConfig
internal import SystemPackage

/// What lies at the path of a configuration file.
enum ConfigurationFile: Equatable {
    /// Nothing.
    case absent
    /// An empty file or /dev/null: it stands for "not this file, nor those of this name in lower trees".
    case masked
    /// A file, or something that cannot be read as one.
    case present(SourceFile)

    /// Looks at `path`.
    ///
    /// It never waits for the writer of a FIFO and reads at most one byte more than the limit.
    static func read(_ path: String) -> ConfigurationFile {
        let descriptor: Descriptor
        do throws(Errno) {
            let flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY
            descriptor = Descriptor(adopting: try Errno.check(open(path, flags)))
        } catch {
            if error == .noSuchFileOrDirectory { return .absent }
            return .present(unreadable(path, error))
        }
        return descriptor.use { number in
            var status = stat()
            guard fstat(number, &status) == 0 else { return .present(unreadable(path, Errno(rawValue: errno))) }
            if isNull(status) { return .masked }
            if let problem = problem(of: status) {
                return .present(SourceFile(path: path, contents: .failure(problem)))
            }
            do throws(Errno) {
                let bytes = try contents(of: number, size: Int(status.st_size))
                if bytes.isEmpty { return .masked }
                let isTooLarge = bytes.count > SourceFile.maximumSize
                return .present(SourceFile(path: path, contents: isTooLarge ? .failure(.tooLarge) : .success(bytes)))
            } catch {
                return .present(unreadable(path, error))
            }
        }
    }

    /// A file that could not be read for this reason.
    static func unreadable(_ path: String, _ error: Errno) -> SourceFile {
        SourceFile(path: path, contents: .failure(SourceFile.Problem("cannot be read: \(error.textWithName)")))
    }

    /// The number of /dev/null, major 1 and minor 3, on every Linux.
    private static let nullDevice: dev_t = 0x103

    /// Whether this is the device /dev/null.
    private static func isNull(_ status: stat) -> Bool {
        status.st_mode & S_IFMT == S_IFCHR && status.st_rdev == nullDevice
    }

    /// Why this is not a file to read; nil if it is one.
    private static func problem(of status: stat) -> SourceFile.Problem? {
        let kind: String
        switch status.st_mode & S_IFMT {
        case S_IFREG: return status.st_size > SourceFile.maximumSize ? .tooLarge : nil
        case S_IFDIR: kind = "a directory"
        case S_IFIFO: kind = "a FIFO"
        default: kind = "a device"
        }
        return SourceFile.Problem("is \(kind)", expected: "a regular file")
    }

    /// The bytes of a file that had `size` of them a moment ago.
    private static func contents(of number: CInt, size: Int) throws(Errno) -> [UInt8] {
        // The one byte more tells a file that grew past the limit, and an end of file from a full buffer.
        let limit = SourceFile.maximumSize + 1
        var bytes = [UInt8](repeating: 0, count: min(size + 1, limit))
        var filled = 0
        while true {
            if filled == bytes.count {
                if filled == limit { break }
                bytes += [UInt8](repeating: 0, count: min(filled, limit - filled))
            }
            let count = try Errno.retryingInterrupts {
                bytes.withUnsafeMutableBytes { buffer in
                    Glibc.read(number, buffer.baseAddress?.advanced(by: filled), buffer.count - filled)
                }
            }
            if count == 0 { break }
            filled += count
        }
        return Array(bytes.prefix(filled))
    }
}
