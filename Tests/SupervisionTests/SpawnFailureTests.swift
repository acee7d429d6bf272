// SPDX-License-Identifier: Apache-2.0
// Programs that cannot be started: the step, the reason, and nothing left behind.

internal import CLinux
internal import Descriptors
internal import EventLoops
internal import Glibc
internal import Policy
internal import Supervision
internal import Synchronization
internal import SystemPackage
internal import TestSupport
internal import Testing

/// A directory for the files of one test, gone afterwards.
func withDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    var template = Array("/tmp/supervision-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    chmod(path, 0o755)
    defer {
        for file in ["program", "script", "loop"] { unlink("\(path)/\(file)") }
        rmdir(path)
    }
    return try await body(path)
}

/// A file with this text and these permissions.
func makeFile(_ path: String, _ text: String, mode: mode_t) {
    let file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
    precondition(write(file, text, text.utf8.count) == text.utf8.count)
    fchmod(file, mode)
    Glibc.close(file)
}

/// How the start of `command` fails, `nil` when it does not.
func failure(_ command: HandlerCommand, by spawner: Spawner) async throws -> SpawnFailure? {
    do {
        let (process, _) = try await start(command, by: spawner)
        process.stop(.kill)
        _ = await process.exited()
        return nil
    } catch let error as SpawnFailure {
        return error
    }
}

@Suite("SpawnFailure")
struct SpawnFailureTests {
    private func failure(path: String, directory: String = "/") async throws -> SpawnFailure? {
        var command = HandlerCommand(service: "test", path: path)
        command.workingDirectory = directory
        return try await onLoop { [command] loop in
            let spawner = try Spawner(on: loop)
            while true {
                let failure = try await SupervisionTests.failure(command, by: spawner)
                // A child of another test's may hold our way to write the file until its own exec.
                if failure?.errno != .textFileBusy { return failure }
            }
        }
    }

    @Test("a missing program is named with the step, the reason and what to do")
    func missing() async throws {
        let failure = try await failure(path: "/nowhere/x")
        #expect(failure == SpawnFailure(step: .execve, errno: .noSuchFileOrDirectory, subject: "/nowhere/x"))
        #expect(
            failure?.description
                == "execve /nowhere/x: No such file or directory (ENOENT); install the program or correct exec; in a "
                + "script, the interpreter on its first line must exist too")
        #expect(failure?.isTransient == false)
    }

    @Test("not executable, a directory, no program at all, a script without its interpreter, a loop of links")
    func notExecutable() async throws {
        try await withDirectory { directory in
            makeFile("\(directory)/program", "echo hello\n", mode: 0o644)
            #expect(try await failure(path: "\(directory)/program")?.errno == .permissionDenied)
            chmod("\(directory)/program", 0o755)
            let format = try await failure(path: "\(directory)/program")
            #expect(format?.errno == .execFormatError)
            #expect(format?.description.contains("(ENOEXEC); it is no program for this machine") == true)
            #expect(try await failure(path: directory)?.errno == .permissionDenied)
            makeFile("\(directory)/script", "#!/nowhere/interpreter\n", mode: 0o755)
            #expect(try await failure(path: "\(directory)/script")?.errno == .noSuchFileOrDirectory)
            symlink("loop", "\(directory)/loop")
            #expect(try await failure(path: "\(directory)/loop")?.errno == .tooManySymbolicLinkLevels)
        }
    }

    @Test("a program that is being written is tried again")
    func busy() async throws {
        try await withDirectory { directory in
            makeFile("\(directory)/program", "", mode: 0o755)
            let writer = open("\(directory)/program", O_WRONLY | O_CLOEXEC)
            let failure = try await onLoop { loop in
                let command = HandlerCommand(service: "test", path: "\(directory)/program")
                return try await SupervisionTests.failure(command, by: Spawner(on: loop))
            }
            #expect(failure?.errno == .textFileBusy && failure?.isTransient == true)
            Glibc.close(writer)
        }
    }

    @Test("a working directory that is not there fails in its own step")
    func directory() async throws {
        let failure = try await failure(path: "/bin/true", directory: "/nowhere")
        #expect(failure?.step == .directory && failure?.subject == "/nowhere")
        #expect(failure?.description.hasPrefix("chdir /nowhere: No such file or directory (ENOENT); ") == true)
    }

    @Test("what had run out when the child was made is transient; the next spawn is as if nothing had been")
    func transient() async throws {
        try await onLoop { loop in
            // Without descriptors it is tried at once again, with one that is kept for that.
            let script = Mutex<[Errno]>(
                [.resourceTemporarilyUnavailable, .noMemory, .tooManyOpenFiles, .tooManyOpenFiles, .tooManyOpenFiles])
            let clone = SystemCall<UnsafeMutablePointer<clinux_spawn>, pid_t> { record in
                let next = script.withLock { $0.isEmpty ? nil : $0.removeFirst() }
                return next.map { .failure($0) } ?? SystemCall.spawn(record)
            }
            let spawner = try Spawner(on: loop, clone: clone)
            for expected in [Errno.resourceTemporarilyUnavailable, .noMemory, .tooManyOpenFiles] {
                let failure = try await SupervisionTests.failure(shell("true"), by: spawner)
                #expect(failure == SpawnFailure(step: .clone, errno: expected, subject: ""))
                #expect(failure?.isTransient == true)
            }
            // The last of the script, and then it is real: with the kept descriptor given up it succeeds.
            #expect(try await run(shell("echo on"), by: spawner, on: loop).output == "on\n")
        }
    }

    @Test("after a failure nobody but its owner holds the connection")
    func connectionReleased() async throws {
        try await onLoop { loop in
            let spawner = try Spawner(on: loop)
            let streams = Streams()
            await #expect(throws: SpawnFailure.self) {
                let command = try PreparedCommand(HandlerCommand(service: "test", path: "/nowhere"))
                try await begin(command, streams, by: spawner).executed()
            }
            #expect(clinux_descriptor_flags(streams.theirs.number) >= 0, "it was lent, and is still open")
            streams.theirs.close()
            #expect(await streams.readAll(on: loop) == "")
        }
    }

    @Test("a socket that is not open is a failure before there is a child")
    func badSocket() async throws {
        try await onLoop { loop in
            let spawner = try Spawner(on: loop)
            let command = try PreparedCommand(shell("true"))
            let slot = await spawner.slot(for: command)
            let failure = #expect(throws: SpawnFailure.self) {
                try HandlerProcess.spawn(
                    in: slot, environment: someEnvironment, socket: 999_999, standardError: silence, by: spawner)
            }
            #expect(failure?.step == .place && failure?.errno == .badFileDescriptor)
        }
    }

    @Test("a thousand programs that cannot be executed leave no descriptor, no child and no memory map")
    func leaks() async {
        await #expect(processExitsWith: .success) {
            try await onLoop { loop in
                // The process may open something of its own meanwhile, once: what leaks does so each time.
                for _ in 0..<3 {
                    let left = try await Self.leftByFailures(on: loop)
                    if left.children.isEmpty, left.descriptors.count <= 1,
                        left.descriptors.allSatisfy({ $0.hasSuffix("/dev/null") })
                    {
                        return
                    }
                }
                preconditionFailure("something is left each time")
            }
        }
    }

    /// What a thousand starts that fail leave behind, once it is shown that it would be seen.
    private static func leftByFailures(on loop: EventLoop) async throws -> Census {
        let before = await steadyCensus(on: loop)
        do {
            let spawner = try Spawner(on: loop, deadline: .seconds(60))
            let streams = Streams()
            let sleeper = try await begin(PreparedCommand(shell("sleep 1000")), streams, by: spawner)
            try await sleeper.executed()
            // Otherwise the comparison below would prove nothing.
            let seen = await steadyCensus(on: loop).added(since: before)
            precondition(seen.children == [Int(sleeper.pid)] && seen.descriptors.count >= 5, "\(seen)")
            sleeper.stop(.kill)
            _ = await sleeper.exited()
            for _ in 0..<1000 {
                let failed = try await SupervisionTests.failure(
                    HandlerCommand(service: "test", path: "/nowhere"), by: spawner)
                precondition(failed?.errno == .noSuchFileOrDirectory)
            }
        }
        return await steadyCensus(on: loop).added(since: before)
    }

    @Test("the steps have the numbers of the C header, and each has a name for people")
    func steps() {
        #expect(SpawnStep.place.rawValue == CInt(CLINUX_STEP_PLACE.rawValue))
        #expect(SpawnStep.execve.rawValue == CInt(CLINUX_STEP_EXECVE.rawValue))
        #expect(SpawnStep.directory.rawValue == CInt(CLINUX_STEP_DIRECTORY.rawValue))
        let texts = SpawnStep.allCases.map { SpawnFailure(step: $0, errno: .ioError, subject: "").description }
        #expect(Set(texts).count == SpawnStep.allCases.count)
    }
}
