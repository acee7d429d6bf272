// SPDX-License-Identifier: Apache-2.0
// The ledger: which connections programs have, in memory that outlives the daemon.

internal import CLinux
internal import Descriptors
internal import Glibc
internal import Synchronization
internal import SystemPackage

/// Why a ledger that was left by another daemon cannot be used.
struct LedgerDefect: Error, Equatable, CustomStringConvertible {
    let description: String
}

/// A record of each connection that a program has, from the program's exec to its known end.
///
/// It is memory that the service manager holds too, or that is passed over an exec: what a daemon that was killed had
/// written is there for the next. A record is written in full before it counts, and does not count any more before it is
/// overwritten, so that there are no halves. Only what was used costs memory.
///
/// Of a ledger that comes from elsewhere nothing is believed that was not checked.
final class ConnectionLedger: Sendable {
    /// The version of the memory's layout: another one is not understood.
    static let version: UInt32 = 1
    private static let magic: UInt64 = 0x7365_7276_6572_6431
    private static let headerLength = 4096
    private static let largestCapacity = 1 << 20

    private enum Place {
        static let version = 8
        static let recordLength = 12
        static let capacity = 16
        static let reservedIDs = 24
    }

    private struct Slots {
        var used: [UInt64: Int] = [:]
        var free: [Int] = []
        /// From here on none was ever used.
        var untouched = 0
    }

    /// How many records there is room for.
    let capacity: Int
    /// Whether another daemon has begun it.
    let isInherited: Bool
    private let file: Descriptor
    // As a number: the memory is the object's, for its whole life.
    private let address: UInt
    private let slots: Mutex<Slots>

    /// An empty ledger.
    /// - Throws: the error of what there was not enough of.
    init(capacity: Int) throws(Errno) {
        let capacity = max(1, min(capacity, Self.largestCapacity))
        let file = Descriptor(adopting: try Errno.check(clinux_memory_file("serverd-state")))
        let length = Self.length(capacity)
        try Errno.check(file.use { ftruncate($0, off_t(length)) })
        try Errno.check(file.use { clinux_seal($0, 0) })
        let memory = try Self.map(file, length)
        memory.storeBytes(of: Self.version, toByteOffset: Place.version, as: UInt32.self)
        memory.storeBytes(of: UInt32(ConnectionRecord.length), toByteOffset: Place.recordLength, as: UInt32.self)
        memory.storeBytes(of: UInt64(capacity), toByteOffset: Place.capacity, as: UInt64.self)
        memory.withMemoryRebound(to: UInt64.self) { clinux_publish($0.baseAddress, Self.magic) }
        self.capacity = capacity
        isInherited = false
        self.file = file
        address = UInt(bitPattern: memory.baseAddress)
        slots = Mutex(Slots())
    }

    /// The ledger that another daemon has left; it goes on with it.
    init(adopting file: consuming Descriptor) throws(LedgerDefect) {
        var status = stat()
        guard file.use({ clinux_has_sealed_size($0) }) != 0, file.use({ fstat($0, &status) }) == 0 else {
            throw LedgerDefect(description: "it is not memory of a fixed size")
        }
        let length = Int(status.st_size)
        guard length >= Self.headerLength, length <= Self.length(Self.largestCapacity) else {
            throw LedgerDefect(description: "it has \(length) bytes")
        }
        let memory: UnsafeMutableRawBufferPointer
        do { memory = try Self.map(file, length) } catch {
            throw LedgerDefect(description: "it cannot be mapped: \(error.textWithName)")
        }
        let version = memory.load(fromByteOffset: Place.version, as: UInt32.self)
        let capacity = memory.load(fromByteOffset: Place.capacity, as: UInt64.self)
        let recordLength = memory.load(fromByteOffset: Place.recordLength, as: UInt32.self)
        guard memory.load(as: UInt64.self) == Self.magic, version == Self.version else {
            munmap(memory.baseAddress, memory.count)
            throw LedgerDefect(description: "its version is \(version), and \(Self.version) is understood")
        }
        guard recordLength == ConnectionRecord.length, capacity <= Self.largestCapacity,
            Self.length(Int(capacity)) == length
        else {
            munmap(memory.baseAddress, memory.count)
            throw LedgerDefect(description: "its size is not what it says")
        }
        self.capacity = Int(capacity)
        isInherited = true
        self.file = file
        address = UInt(bitPattern: memory.baseAddress)
        slots = Mutex(Slots())
        takeStock()
    }

    deinit { munmap(UnsafeMutableRawPointer(bitPattern: address), Self.length(capacity)) }

    /// Its descriptor's number, lent.
    var descriptor: CInt { file.use { $0 } }

    /// A descriptor of the same memory.
    func copy() throws(Errno) -> Descriptor { try file.duplicate() }

    /// The highest id that may have been given to a connection.
    var reservedIDs: UInt64 {
        get { memory.load(fromByteOffset: Place.reservedIDs, as: UInt64.self) }
        set { memory.storeBytes(of: newValue, toByteOffset: Place.reservedIDs, as: UInt64.self) }
    }

    /// All records, by id.
    var records: [ConnectionRecord] {
        slots.withLock { slots in
            slots.used.sorted { $0.key < $1.key }.compactMap { ConnectionRecord(record($0.value)) }
        }
    }

    /// Writes a record, which stays until it is erased.
    /// - Returns: false when there is no room: that connection will not be known to who comes after us.
    func write(_ new: ConnectionRecord) -> Bool {
        slots.withLock { slots in
            guard let slot = Self.take(&slots, capacity) else { return false }
            slots.used[new.id] = slot
            new.write(to: record(slot))
            return true
        }
    }

    /// Erases the record of a connection, if there is one.
    func erase(_ id: UInt64) {
        slots.withLock { slots in
            guard let slot = slots.used.removeValue(forKey: id) else { return }
            ConnectionRecord.erase(record(slot))
            slots.free.append(slot)
        }
    }

    // The one that was used last: its memory is there already.
    private static func take(_ slots: inout Slots, _ capacity: Int) -> Int? {
        if let slot = slots.free.popLast() { return slot }
        guard slots.untouched < capacity else { return nil }
        defer { slots.untouched += 1 }
        return slots.untouched
    }

    /// Finds what is in use.
    ///
    /// What is none of our records, or has an id twice, is erased.
    private func takeStock() {
        slots.withLock { slots in
            var slot = 0
            while let next = nextTouched(from: slot) {
                for slot in next..<min(next + Self.recordsPerPage, capacity) {
                    guard memory.load(fromByteOffset: Self.offset(slot), as: UInt64.self) != 0 else { continue }
                    slots.untouched = slot + 1
                    if let found = ConnectionRecord(record(slot)), slots.used[found.id] == nil {
                        slots.used[found.id] = slot
                    } else {
                        ConnectionRecord.erase(record(slot))
                    }
                }
                slot = next + Self.recordsPerPage
            }
            let used = Set(slots.used.values)
            slots.free = (0..<slots.untouched).reversed().filter { !used.contains($0) }
        }
    }

    private static let recordsPerPage = headerLength / ConnectionRecord.length

    /// The first slot of the next page that was ever written to: reading the others would give them memory.
    private func nextTouched(from slot: Int) -> Int? {
        guard slot < capacity else { return nil }
        let found = file.use { clinux_next_data($0, off_t(Self.offset(slot))) }
        guard found >= off_t(Self.headerLength), found < off_t(Self.length(capacity)) else { return nil }
        return (Int(found) - Self.headerLength) / Self.headerLength * Self.recordsPerPage
    }

    // MARK: The memory

    private var memory: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(
            start: UnsafeMutableRawPointer(bitPattern: address), count: Self.length(capacity))
    }

    private func record(_ slot: Int) -> UnsafeMutableRawBufferPointer {
        let start = Self.offset(slot)
        return UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + ConnectionRecord.length])
    }

    private static func offset(_ slot: Int) -> Int { headerLength + slot * ConnectionRecord.length }

    private static func length(_ capacity: Int) -> Int { offset(capacity) }

    private static func map(
        _ file: borrowing Descriptor, _ length: Int
    ) throws(Errno) -> UnsafeMutableRawBufferPointer {
        let memory = file.use { mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, $0, 0) }
        guard let memory, memory != MAP_FAILED else { throw Errno(rawValue: errno) }
        return UnsafeMutableRawBufferPointer(start: memory, count: length)
    }
}
