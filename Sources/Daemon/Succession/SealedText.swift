// SPDX-License-Identifier: Apache-2.0
// JSON in memory that nobody can change any more: how one daemon tells another what is not in the ledger.

internal import CLinux
internal import Descriptors
internal import Glibc
internal import SystemPackage
internal import Varlink

/// JSON in sealed memory.
enum SealedText {
    /// How long it may be, in bytes.
    static let limit = 64 << 20

    /// The JSON of `value` in memory of this name, close-on-exec.
    /// - Throws: the error of what there was not enough of; `EFBIG` when it is longer than ``read(_:limit:)`` would read.
    static func write(
        _ value: some Encodable, as name: String, limit: Int = limit
    ) throws(Errno) -> Descriptor {
        let file = Descriptor(adopting: try Errno.check(clinux_memory_file(name)))
        var rest = JSONText.encode(value)[...]
        guard rest.count <= limit else { throw .fileTooLarge }
        while !rest.isEmpty {
            let count = try Errno.retryingInterrupts {
                rest.withUnsafeBytes { bytes in file.use { Glibc.write($0, bytes.baseAddress, bytes.count) } }
            }
            rest = rest.dropFirst(count)
        }
        try Errno.check(file.use { clinux_seal($0, 1) })
        return file
    }

    /// What `file` holds; nil when it is empty, or no file, or too long.
    static func read(_ file: CInt, limit: Int = limit) -> [UInt8]? {
        var status = stat()
        guard fstat(file, &status) == 0, status.st_size > 0, status.st_size <= limit else { return nil }
        return [UInt8](unsafeUninitializedCapacity: Int(status.st_size)) { buffer, count in
            count = max(0, pread(file, buffer.baseAddress, buffer.count, 0))
        }
    }
}
