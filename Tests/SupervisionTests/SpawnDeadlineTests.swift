// SPDX-License-Identifier: Apache-2.0
// Children that do not get to their exec, by attack or by accident: they are given up, and hold nobody else up.

internal import EventLoops
internal import Glibc
internal import Policy
internal import Supervision
internal import Synchronization
internal import TestSupport
internal import Testing

/// Whether a file system of our own that never answers can be mounted here.
private let canMount: Bool = {
    guard isRoot else { return false }
    let device = open("/dev/fuse", O_RDWR | O_CLOEXEC)
    guard device >= 0 else { return false }
    Glibc.close(device)
    return true
}()

/// Calls `body` with a directory on a file system whose server does not answer.
private func withHangingDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    try await withDirectory { directory in
        let device = open("/dev/fuse", O_RDWR | O_CLOEXEC)
        defer { Glibc.close(device) }
        let options = "fd=\(device),rootmode=40000,user_id=0,group_id=0"
        try #require(mount("test", directory, "fuse", 0, options) == 0, "mount: \(String(cString: strerror(errno)))")
        defer { umount2(directory, CInt(MNT_DETACH)) }
        return try await body(directory)
    }
}

/// As the other, but the server takes each request, and then does not answer: who waits for it cannot be killed.
private func withHangingDirectory<Result>(
    on loop: EventLoop, _ body: (String) async throws -> Result
) async throws -> Result {
    try await withDirectory { directory in
        let device = open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK)
        let options = "fd=\(device),rootmode=40000,user_id=0,group_id=0"
        try #require(mount("test", directory, "fuse", 0, options) == 0, "mount: \(String(cString: strerror(errno)))")
        let requests = Readiness(device, on: loop)
        let server = Task(executorPreference: loop) { await takeRequests(device, requests) }
        defer { umount2(directory, CInt(MNT_DETACH)) }
        let result: Swift.Result<Result, any Error>
        do { result = .success(try await body(directory)) } catch { result = .failure(error) }
        requests.close()
        // Whoever waits is let go with this.
        Glibc.close(device)
        await server.value
        return try result.get()
    }
}

/// Answers FUSE_INIT, and takes every other request without a word.
private func takeRequests(_ device: CInt, _ requests: Readiness) async {
    var request = [UInt8](repeating: 0, count: 1 << 20)
    while await requests.wait(for: .read) == .ready {
        guard read(device, &request, request.count) >= 40 else { continue }
        let opcode = request.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 4, as: UInt32.self) }
        guard opcode == 26 else { continue }
        var answer = [UInt32](repeating: 0, count: 20)
        answer[0] = 80
        answer[2] = request.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 8, as: UInt32.self) }
        answer[3] = request.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 12, as: UInt32.self) }
        // Version 7.31, and the least that may be written at once.
        (answer[4], answer[5], answer[9]) = (7, 31, 4096)
        _ = write(device, &answer, 80)
    }
}

@Suite("the deadline of a spawn")
struct SpawnDeadlineTests {
    private let deadline: Duration = .milliseconds(500)

    @Test(
        "a program on a file system that does not answer is given up in its step", .enabled(if: canMount, "needs FUSE"))
    func hangingProgram() async throws {
        try await onLoop { loop in
            let spawner = try Spawner(on: loop, deadline: deadline)
            try await withHangingDirectory { directory in
                let started = loop.now
                let path = "\(directory)/program"
                let failed = try await failure(HandlerCommand(service: "test", path: path), by: spawner)
                #expect(failed?.step == .execve && failed?.isTimedOut == true && failed?.isTransient == false)
                #expect(
                    failed?.description.hasPrefix("execve \(path): not done in time, the handler was killed") == true)
                #expect(loop.now - started >= deadline && loop.now - started < .seconds(5))
                // And the others are served.
                #expect(try await run(shell("echo on"), by: spawner, on: loop).output == "on\n")

                var command = shell("true")
                command.workingDirectory = directory
                let entering = try await failure(command, by: spawner)
                #expect(entering?.step == .directory && entering?.isTimedOut == true)
            }
        }
    }

    @Test(
        "while one service's programs hang, others are started at once, and no turn of the loop takes long",
        .enabled(if: canMount, "needs FUSE"))
    func othersAreNotHeldUp() async throws {
        try await onLoop { loop in
            let spawner = try Spawner(on: loop, deadline: .seconds(30))
            try await withHangingDirectory { directory in
                let hanging = try PreparedCommand(HandlerCommand(service: "hangs", path: "\(directory)/program"))
                let streams = Streams()
                let process = try await begin(hanging, streams, by: spawner)
                let another = Mutex<SpawnSlot?>(nil)
                for _ in 0..<20 {
                    let started = loop.now
                    #expect(try await run(shell("echo on"), by: spawner, on: loop).output == "on\n")
                    #expect(loop.now - started < .seconds(5))
                }
                // Its own service gets no other slot while it hangs.
                let waiter = Task(executorPreference: loop) {
                    let slot = await spawner.slot(for: hanging)
                    another.withLock { $0 = slot }
                }
                #expect(try await run(shell("echo on"), by: spawner, on: loop).output == "on\n")
                #expect(spawner.mustWait(for: hanging) && another.withLock { $0 } == nil)
                process.stop(.kill)
                #expect(await process.exited().ending == .killed(signal: SIGKILL, dumpedCore: false))
                await waiter.value
                spawner.giveBack(try #require(another.withLock { $0 }))
            }
        }
    }

    @Test(
        "a child that no signal can reach is abandoned after a while, and others have a slot in its place",
        .enabled(if: canMount, "needs FUSE"))
    func unkillable() async {
        // In a process of its own: what is abandoned is reaped some time, not by the end of the test.
        await #expect(processExitsWith: .success) {
            try await onLoop { loop in
                let spawner = try Spawner(on: loop, deadline: .milliseconds(500))
                try await withHangingDirectory(on: loop) { directory in
                    let path = "\(directory)/program"
                    for _ in 0..<(Spawner.slotCount + 1) {
                        let failed = try await failure(HandlerCommand(service: "test", path: path), by: spawner)
                        precondition(
                            failed?.isTimedOut == true && failed?.step == .execve, "\(String(describing: failed))")
                        let output = try await run(shell("echo on"), by: spawner, on: loop).output
                        precondition(output == "on\n", output)
                    }
                }
            }
        }
    }

    @Test("more programs than there are slots, started in one turn, all run")
    func manyAtOnce() async throws {
        try await onLoop { loop in
            let spawner = try Spawner(on: loop)
            let commands = try (0..<3).map { try PreparedCommand(shell("echo \($0)")) }
            var all: [(HandlerProcess, Streams)] = []
            for number in 0..<(5 * Spawner.slotCount) {
                let streams = Streams()
                let process = try await begin(commands[number % 3], streams, by: spawner)
                all.append((process, streams))
            }
            for (number, (process, streams)) in all.enumerated() {
                try await process.executed()
                streams.theirs.close()
                #expect(await streams.readAll(on: loop) == "\(number % 3)\n")
                #expect(await process.exited().ending == .exited(code: 0))
            }
        }
    }

    @Test(
        "a spawner that is given up while a child is on its way kills the child and waits for its end",
        .enabled(if: canMount, "needs FUSE"))
    func givenUpInFlight() async throws {
        try await onLoop { loop in
            try await withHangingDirectory { directory in
                let command = try PreparedCommand(HandlerCommand(service: "hangs", path: "\(directory)/program"))
                let process = try await begin(command, Streams(), by: Spawner(on: loop))
                #expect(await process.exited().ending == .killed(signal: SIGKILL, dumpedCore: false))
            }
        }
    }

    @Test("a program whose spawn has returned is never killed for its deadline, however short the deadline")
    func onlyInFlight() async throws {
        try await onLoop { loop in
            let spawner = try Spawner(on: loop, deadline: .microseconds(300))
            var started = 0
            for _ in 0..<300 {
                do {
                    let (process, _) = try await start(shell("exit 3"), by: spawner)
                    started += 1
                    #expect(await process.exited().ending == .exited(code: 3))
                } catch let failure as SpawnFailure {
                    #expect(failure.isTimedOut)
                }
            }
            // On a machine so slow that none gets through, the promise was not tried: then this is longer.
            let patient = try Spawner(on: loop, deadline: .seconds(10))
            if started == 0 { _ = try await run(shell("true"), by: patient, on: loop) }
        }
    }
}
