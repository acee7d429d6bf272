// SPDX-License-Identifier: Apache-2.0
// Children whose parent is killed before it lets them execute their program: they end, and execute nothing.

internal import Descriptors
internal import EventLoops
internal import Glibc
internal import Supervision
internal import TestSupport
internal import Testing

@Suite("a parent that is killed", .timeLimit(.minutes(1)))
struct OrphanedChildTests {
    @Test("before it lets its child execute the program ends the child, and nothing is executed")
    func beforeLeave() async throws {
        let folder = TemporaryFolder()
        let pipe = folder.file("pipe")
        try #require(mkfifo(pipe, 0o600) == 0)
        let reading = OwnedDescriptor(Descriptor(adopting: open(pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC)))
        defer { reading.close() }
        // The parent is a process of its own. Then its child has the pipe as its connection, and nobody else has it.
        await #expect(processExitsWith: .signal(SIGKILL)) { [pipe = pipe as String] in
            try await onLoop { loop in
                let spawner = try Spawner(on: loop)
                let slot = await spawner.slot(for: try PreparedCommand(shell("echo executed")))
                let writing = open(pipe, O_WRONLY | O_CLOEXEC)
                _ = try HandlerProcess.spawn(
                    in: slot, environment: someEnvironment, socket: writing, standardError: silence, by: spawner
                ) { process in
                    let pid = "\(process.pid)"
                    _ = write(writing, pid, pid.utf8.count)
                    kill(getpid(), SIGKILL)
                }
            }
        }
        let child = try #require(pid_t(readPart(of: reading) ?? ""))
        let rest = readPart(of: reading)
        #expect(rest?.isEmpty == true, "it has said \(rest ?? "nothing, and goes on")")
        if rest == nil { kill(child, SIGKILL) }
        withExtendedLifetime(folder) {}
    }

    /// What comes next, empty at the end; nil when nothing does for long.
    private func readPart(of pipe: OwnedDescriptor) -> String? {
        var waiting = pollfd(fd: pipe.number, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, 10_000) == 1 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(pipe.number, &bytes, bytes.count)
        return count < 0 ? nil : String(decoding: bytes[..<count], as: UTF8.self)
    }
}
