// SPDX-License-Identifier: Apache-2.0
// Entries of the systemd journal with their fields, sent natively: the only place that calls sd-journal.

internal import CSystemd
internal import Descriptors
internal import Glibc
package import SystemPackage

/// One entry of the journal under construction: fields in one buffer that can be used again and again.
package struct JournalEntry: Sendable {
    /// The most fields of an entry; further ones are left out.
    package static let fieldLimit = 32

    private var bytes: [UInt8] = []
    private var ends: [Int] = []

    /// An entry without fields.
    package init() {}

    /// Forgets all fields and keeps the memory.
    package mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
    }

    /// Adds a field.
    ///
    /// Its name must be made of A–Z, 0–9 and `_`, beginning with a letter (see ``fieldName(_:)``); its value is what
    /// `body` appends, and may be anything, newlines included.
    package mutating func add(_ name: some Sequence<UInt8>, _ body: (inout [UInt8]) -> Void) {
        guard ends.count < Self.fieldLimit else { return }
        bytes.append(contentsOf: name)
        bytes.append(UInt8(ascii: "="))
        body(&bytes)
        ends.append(bytes.count)
    }

    /// A field name of our own for a key: `exit_code` is `SERVERD_EXIT_CODE`.
    ///
    /// Characters that the journal refuses become `_`, and a name is at most 64 bytes long.
    package static func fieldName(_ key: String) -> [UInt8] {
        var name = Array("SERVERD_".utf8)
        for byte in key.utf8.prefix(64 - name.count) {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): name.append(byte - 0x20)
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): name.append(byte)
            default: name.append(UInt8(ascii: "_"))
            }
        }
        return name
    }

    /// The fields as `NAME=value` bytes, for tests and for nothing else.
    package var fields: [[UInt8]] {
        var start = 0
        return ends.map { end in
            defer { start = end }
            return Array(bytes[start..<end])
        }
    }

    /// Sends the entry.
    ///
    /// It blocks while the journal's queue is full; without a journal on this machine it does nothing.
    package mutating func send() throws(Errno) {
        let ends = ends
        let result = bytes.withUnsafeMutableBytes { buffer in
            withUnsafeTemporaryAllocation(of: iovec.self, capacity: ends.count) { vectors in
                var start = 0
                for (index, end) in ends.enumerated() {
                    vectors[index] = iovec(iov_base: buffer.baseAddress?.advanced(by: start), iov_len: end - start)
                    start = end
                }
                return sd_journal_sendv(vectors.baseAddress, CInt(ends.count))
            }
        }
        try Errno.check(libsystemd: result)
    }
}

/// Facts about the journal.
package enum Journal {
    /// Whether the descriptor is the stream to the journal that `JOURNAL_STREAM` announced to us, and was not
    /// redirected since.
    ///
    /// Then native entries replace the lines that would be written to it.
    ///
    /// - Parameter journalStream: the variable's value: device and inode in decimal, with a colon between.
    package static func isStream(_ descriptor: CInt, announcedBy journalStream: String?) -> Bool {
        var status = stat()
        guard let journalStream, fstat(descriptor, &status) == 0 else { return false }
        let parts = journalStream.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return false }
        return UInt64(parts[0]) == UInt64(status.st_dev) && UInt64(parts[1]) == UInt64(status.st_ino)
    }
}
