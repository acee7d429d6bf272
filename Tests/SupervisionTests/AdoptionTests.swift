// SPDX-License-Identifier: Apache-2.0
// What can be told of a program that an earlier daemon has started: that it is gone, or that nobody knows.

internal import CLinux
internal import Descriptors
internal import EventLoops
internal import Supervision
internal import SystemPackage
internal import TestSupport
internal import Testing

@Suite("A process of an earlier daemon")
struct AdoptionTests {
    /// Runs `body` with a spawner that finds processes as `lookup` says, and with a program that runs.
    private func withProgram(
        _ lookup: ProcessLookup, _ body: @escaping @Sendable (Spawner, HandlerProcess) async throws -> Void
    ) async throws {
        try await onLoop(clock: ManualClock()) { loop in
            let spawner = try Spawner(on: loop, lookup: lookup)
            let (process, streams) = try await start(shell("read line"), by: spawner)
            try await body(spawner, process)
            streams.ours.close()
            _ = await process.exited()
        }
    }

    private static func adopt(
        _ pid: Int32, to latest: Duration = .seconds(1 << 40), by spawner: Spawner
    ) throws(Errno) -> HandlerProcess? {
        try HandlerProcess.adopt(pid, startedFrom: .zero, to: latest, age: .zero, by: spawner)
    }

    private static let shortages: [Errno] = [.tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory]

    @Test("for which no descriptor is left has not ended", arguments: shortages)
    func noDescriptor(_ shortage: Errno) async throws {
        try await withProgram(ProcessLookup(open: SystemCall { _ in .failure(shortage) })) { spawner, process in
            #expect(throws: shortage) { try Self.adopt(process.pid, by: spawner) }
        }
    }

    @Test("of which nothing can be read has not ended", arguments: shortages + [.noSuchFileOrDirectory])
    func nothingToRead(_ error: Errno) async throws {
        try await withProgram(ProcessLookup(openStat: SystemCall { _ in .failure(error) })) { spawner, process in
            #expect(throws: error) { try Self.adopt(process.pid, by: spawner) }
        }
    }

    @Test(
        "whose number is no process's has ended, in the words of each kernel",
        arguments: [Errno.noSuchProcess, .invalidArgument, .noSuchFileOrDirectory])
    func noProcess(_ error: Errno) async throws {
        try await withProgram(ProcessLookup(open: SystemCall { _ in .failure(error) })) { spawner, process in
            let found = try Self.adopt(process.pid, by: spawner)
            #expect(found == nil)
        }
    }

    @Test("whose number has another that was started later has ended")
    func another() async throws {
        try await withProgram(ProcessLookup()) { spawner, process in
            let found = try Self.adopt(process.pid, to: .zero, by: spawner)
            #expect(found == nil)
        }
    }

    @Test("that ends while it is looked for has ended")
    func endsMeanwhile() async throws {
        try await onLoop(clock: ManualClock()) { loop in
            let (process, streams) = try await start(shell("read line"), by: Spawner(on: loop))
            let pidfd = OwnedDescriptor(Descriptor(adopting: clinux_open_process(process.pid)))
            defer { pidfd.close() }
            streams.ours.close()
            _ = await process.exited()
            let lookup = ProcessLookup(
                open: SystemCall { _ in
                    Result { () throws(Errno) in try Descriptor.duplicating(pidfd.number).release() }
                })
            let found = try Self.adopt(process.pid, by: Spawner(on: loop, lookup: lookup))
            #expect(found == nil)
        }
    }
}
