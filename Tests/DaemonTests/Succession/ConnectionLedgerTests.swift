// SPDX-License-Identifier: Apache-2.0
// The ledger: what was written is there for the next, and nothing is believed of one that is damaged.

import Descriptors
import Glibc
import Policy
import ServiceConfig
import TestSupport
import Testing

@testable import Daemon

@Suite("the ledger of connections") struct ConnectionLedgerTests {
    private func record(_ id: UInt64, pid: Int32 = 4711) throws -> ConnectionRecord {
        ConnectionRecord(
            id: id, service: try #require(ServiceName("git")), pid: pid, acceptedAt: .seconds(5),
            writtenAt: .seconds(6), peer: .inet(InetAddress(ip: .v4(0x7f00_0001), port: 40_000)),
            localAddress: .inet(InetAddress(ip: .v4(0x7f00_0001), port: 9418)))
    }

    @Test(
        "every kind of address survives",
        arguments: [
            SocketAddress.inet(InetAddress(ip: .v4(1), port: 65_535)),
            .inet(InetAddress(ip: .v6(high: 1 << 63, low: .max, zone: 3), port: 1)), .unix(.unnamed),
            .unix(.path(String(repeating: "p", count: 108))), .unix(.abstract([0, 1, 255])),
            .unix(.abstract([UInt8](repeating: 7, count: 107))),
        ])
    func addressesSurvive(_ address: SocketAddress) throws {
        let ledger = try ConnectionLedger(capacity: 1)
        var written = try record(1)
        written.peer = address
        written.localAddress = address
        #expect(ledger.write(written))
        #expect(try ConnectionLedger(adopting: ledger.copy()).records == [written])
    }

    @Test("all else survives, what may be missing too")
    func recordsSurvive() throws {
        let ledger = try ConnectionLedger(capacity: 3)
        var full = try record(.max)
        full.service = try #require(ServiceName(String(repeating: "n", count: ServiceName.maximumLength)))
        full.credentials = .init(pid: 1, uid: .max, gid: 2)
        full.cookie = .max
        full.isCaller = true
        #expect(ledger.write(full))
        #expect(try ledger.write(record(2)))
        #expect(try ConnectionLedger(adopting: ledger.copy()).records == [record(2), full])
    }

    @Test("there is room for as many as were asked for, and no more, and an erased one makes room")
    func capacityIsALimit() throws {
        let ledger = try ConnectionLedger(capacity: 9)
        for id in 1...9 { #expect(try ledger.write(record(UInt64(id)))) }
        #expect(try !ledger.write(record(10)))
        ledger.erase(4)
        ledger.erase(4)
        #expect(try ledger.write(record(10)))
        #expect(ledger.records.map(\.id) == [1, 2, 3, 5, 6, 7, 8, 9, 10])
        let next = try ConnectionLedger(adopting: ledger.copy())
        #expect(next.records.map(\.id) == [1, 2, 3, 5, 6, 7, 8, 9, 10])
        #expect(try !next.write(record(11)))
        next.erase(1)
        #expect(try next.write(record(11)))
    }

    @Test("records far apart are found, and what was never used costs no memory")
    func sparseLedgersAreSmall() throws {
        let ledger = try ConnectionLedger(capacity: 100_000)
        for id in 1...2000 { #expect(try ledger.write(record(UInt64(id)))) }
        for id in 1...1999 { ledger.erase(UInt64(id)) }
        let next = try ConnectionLedger(adopting: ledger.copy())
        #expect(next.records.map(\.id) == [2000])
        var status = stat()
        fstat(next.descriptor, &status)
        #expect(status.st_blocks * 512 < 2 << 20)
        #expect(try next.write(record(2001)))
    }

    @Test("ids that may have been given out are reserved for the next")
    func idsAreReserved() throws {
        let ledger = try ConnectionLedger(capacity: 1)
        ledger.reservedIDs = 4096
        #expect(try ConnectionLedger(adopting: ledger.copy()).reservedIDs == 4096)
    }

    @Test("what is no record of ours is erased, with whatever bytes are there", arguments: 0..<200)
    func damageIsContained(_ seed: Int) throws {
        let ledger = try ConnectionLedger(capacity: 16)
        for id in 1...16 { #expect(try ledger.write(record(UInt64(id)))) }
        var random = SeededRandom(seed: UInt64(seed))
        let length = 4096 + 16 * ConnectionRecord.length
        for _ in 0..<40 {
            var byte = UInt8.random(in: 0...255, using: &random)
            pwrite(ledger.descriptor, &byte, 1, off_t(Int.random(in: 4096..<length, using: &random)))
        }
        let next = try ConnectionLedger(adopting: ledger.copy())
        let records = next.records
        #expect(Set(records.map(\.id)).count == records.count)
        #expect(records.allSatisfy { $0.pid > 1 && $0.id != 0 })
        for record in records { next.erase(record.id) }
        #expect(next.records.isEmpty)
        for id in 1...16 { #expect(try next.write(record(UInt64(id)))) }
    }

    @Test("a header that is not ours is refused, byte by byte", arguments: 0..<24)
    func headersAreChecked(_ place: Int) throws {
        let ledger = try ConnectionLedger(capacity: 2)
        var byte: UInt8 = 0
        pread(ledger.descriptor, &byte, 1, off_t(place))
        byte ^= 0x55
        pwrite(ledger.descriptor, &byte, 1, off_t(place))
        #expect(throws: LedgerDefect.self) { try ConnectionLedger(adopting: ledger.copy()) }
    }

    @Test("what is no sealed memory is refused")
    func otherFilesAreRefused() throws {
        for path in ["/dev/null", "/proc/self/exe"] {
            let number = open(path, O_RDONLY | O_CLOEXEC)
            #expect(throws: LedgerDefect.self) { try ConnectionLedger(adopting: Descriptor(adopting: number)) }
        }
    }
}
