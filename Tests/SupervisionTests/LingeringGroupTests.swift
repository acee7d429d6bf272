// SPDX-License-Identifier: Apache-2.0
// What is left of a handler's process group: looked at again whenever one of it ends, or another signal is to be sent.

internal import EventLoops
internal import Glibc
internal import TestSupport
internal import Testing

@testable internal import Supervision

@Suite("LingeringGroup", .timeLimit(.minutes(1)))
struct LingeringGroupTests {
    /// Starts a handler that ends at once, and returns its group, and the first `count` lines that are said in it.
    private static func leave(
        _ script: String, _ count: Int, on loop: EventLoop
    ) async throws -> (group: pid_t, lines: [String], Streams) {
        let (process, streams) = try await start(perl("$| = 1; \(script)"), by: Spawner(on: loop))
        #expect(await process.exited().isLingering)
        var said = ""
        while said.count(where: \.isNewline) < count {
            let next = await line(streams, on: loop)
            try #require(!next.isEmpty)
            said += next
        }
        return (process.pid, said.split(separator: "\n").map(String.init), streams)
    }

    @Test("it has not ended until the last process is gone, whichever is the first", arguments: [0, 1])
    func several(first: Int) async throws {
        try await onLoop { loop in
            let script = "for (1, 2) { if (!fork) { print qq($$\\n); sleep 1000 while 1 } }"
            let (number, lines, _) = try await Self.leave(script, 2, on: loop)
            let pids = lines.compactMap { pid_t($0) }.sorted()
            try #require(pids.count == 2)
            let (search, ended) = (ProcessGroupSearch(on: loop), OneShot<Void>())
            let group = LingeringGroup(number, on: loop, search: search) { ended.fulfil(()) }
            /// Returns when it has looked, and waits.
            func looked() async {
                await settle(loop)
                // A look that begins after its own.
                if case .member(let member) = await search.member(of: number) { member.letGo() }
                await settle(loop)
            }
            await group.look()
            await looked()
            kill(pids[first], SIGKILL)
            while ProcessStat.read(pids[first]).map({ !$0.isZombie }) ?? false { await loop.yieldTurn() }
            await looked()
            #expect(ended.current == nil)
            kill(pids[1 - first], SIGKILL)
            await ended.value()
        }
    }

    @Test("signals that come while it looks are all sent, in their order")
    func signals() async throws {
        try await onLoop { loop in
            let script = """
                if (!fork) {
                    $SIG{HUP} = sub { print "hup\\n" }; $SIG{TERM} = sub { print "term\\n" };
                    print "ready\\n"; sleep 1000 while 1
                }
                """
            let (number, _, streams) = try await Self.leave(script, 1, on: loop)
            let (search, ended) = (ProcessGroupSearch(on: loop), OneShot<Void>())
            let group = LingeringGroup(number, on: loop, search: search) { ended.fulfil(()) }
            await loop.perform { for signal in [SIGHUP, SIGTERM] { group.assumeIsolated { $0.signal(signal) } } }
            var said = ""
            while !said.hasSuffix("term\n") { said += await line(streams, on: loop) }
            #expect(said == "hup\nterm\n")
            await group.signal(SIGKILL)
            await ended.value()
            #expect(await streams.readAll(on: loop) == "")
        }
    }
}
