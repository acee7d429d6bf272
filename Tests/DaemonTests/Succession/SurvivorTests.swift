// SPDX-License-Identifier: Apache-2.0
// What becomes of the records of programs that an earlier daemon has started, and of which not all is known.

import Descriptors
import EventLoops
import Policy
import ServiceConfig
import SocketServer
import Supervision
import SystemPackage
import Systemd
import TestSupport
import Testing

@testable import Daemon

@Suite("programs of an earlier daemon") struct SurvivorTests {
    private func record(_ id: UInt64, pid: Int32) throws -> ConnectionRecord {
        ConnectionRecord(
            id: id, service: try #require(ServiceName("git")), pid: pid, acceptedAt: .seconds(5),
            writtenAt: .seconds(6), peer: .unix(.unnamed), localAddress: .unix(.unnamed))
    }

    @Test("where nobody can tell whether they run, their records stay, and the log says so")
    func unknown() async throws {
        let ledger = try ConnectionLedger(capacity: 3)
        for id in 1...3 { #expect(try ledger.write(record(UInt64(id), pid: id == 2 ? 4712 : 4711))) }
        let log = try TestLog()
        let lookup = ProcessLookup(
            open: SystemCall { $0 == 4711 ? .failure(.tooManyOpenFiles) : .failure(.noSuchProcess) })
        try await onLoop(clock: ManualClock()) { loop in
            var context = ServiceContext(test: log, by: try Spawner(on: loop, lookup: lookup), on: loop)
            context.ledger = ledger
            let manager = ServiceManager(context)
            try await manager.open([], claiming: InheritedSockets(InheritedDescriptors(adopting: [])))
            await manager.drain()
        }
        #expect(ledger.records.map(\.id) == [1, 3])
        let errors = log.lines("<3>")
        let beginning = "<3>cannot tell whether programs of the serverd before still run"
        #expect(errors.count == 1 && errors.allSatisfy { $0.hasPrefix(beginning) }, "\(errors)")
        for part in ["connections=2", "connection=1", "pid=4711", "Too many open files"] {
            #expect(errors.allSatisfy { $0.contains(part) }, "\(errors)")
        }
        #expect(log.lines("<5>goes on with").first?.contains("ended_meanwhile=1") == true)
    }
}
