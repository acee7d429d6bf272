// SPDX-License-Identifier: Apache-2.0
// What a program finds when it starts: descriptors, session, signals, limits, identity, directory.

internal import CLinux
internal import Descriptors
internal import EventLoops
internal import Glibc
internal import Policy
internal import Supervision
internal import SystemPackage
internal import TestSupport
internal import Testing

@Suite("HandlerProcess.spawn")
struct SpawnTests {
    @Test("a program has exactly the descriptors 0, 1 and 2, however many are open here")
    func descriptors() async throws {
        try await onLoop { loop in
            let spawner = try Spawner(on: loop)
            let script = "n=0; while [ $n -lt 300 ]; do [ -e /proc/$$/fd/$n ] && echo $n; n=$((n + 1)); done; true"
            // Without close-on-exec, as from a predecessor that did not care.
            let many = (0..<200).map { _ in OwnedDescriptor(Descriptor(adopting: open("/dev/null", O_RDONLY))) }
            let (output, report) = try await run(shell(script), by: spawner, on: loop)
            #expect(output == "0\n1\n2\n")
            #expect(report.ending == .exited(code: 0))
            for descriptor in many { descriptor.close() }
        }
    }

    @Test("0 and 1 are the connection, and block; 2 is the standard error")
    func streams() async throws {
        try await onLoop { loop in
            let spawner = try Spawner(on: loop)
            let errors = makePipe()
            let script =
                "read x; echo out $x; echo err $x >&2; [ /proc/self/fd/0 -ef /proc/self/fd/1 ] && echo same;"
                + " grep flags /proc/self/fdinfo/0"
            let (process, streams) = try await start(
                shell(script), by: spawner, standardError: StandardErrorSink(lending: errors.writing.number))
            write(streams.ours.number, "hello\n", 6)
            let output = await streams.readAll(on: loop)
            #expect(output == "out hello\nsame\nflags:\t02\n")
            _ = await process.exited()
            var buffer = [UInt8](repeating: 0, count: 100)
            let count = read(errors.reading.number, &buffer, 100)
            #expect(String(decoding: buffer[..<max(0, count)], as: UTF8.self) == "err hello\n")
        }
    }

    @Test("the connection is the program's alone once its owner has closed it: the peer sees its end at once")
    func endOfConnection() async throws {
        try await onLoop { loop in
            let spawner = try Spawner(on: loop)
            let (process, streams) = try await start(shell("exec 0<&- 1>&-; exec sleep 1000"), by: spawner)
            #expect(await streams.readAll(on: loop) == "")
            #expect(process.report == nil)
            process.signalGroup(SIGKILL)
            #expect(await process.exited().ending == .killed(signal: SIGKILL, dumpedCore: false))
        }
    }

    @Test("the program does not begin before it is known of: it waits until whoever is to know has been told")
    func begunFirst() async throws {
        try await onLoop { loop in
            let spawner = try Spawner(on: loop)
            let streams = Streams()
            let slot = await spawner.slot(for: try PreparedCommand(shell("echo begun")))
            var hasWaited = false
            let process = try HandlerProcess.spawn(
                in: slot, environment: someEnvironment, socket: streams.theirs.number, standardError: silence,
                by: spawner
            ) { process in
                let clock = ContinuousClock()
                let patience = clock.now + .seconds(20)
                while !hasWaited, clock.now < patience { hasWaited = Self.isInFutex(process.pid) }
            }
            streams.theirs.close()
            #expect(hasWaited)
            #expect(await streams.readAll(on: loop) == "begun\n")
            _ = await process.exited()
        }
    }

    /// Whether a process is in the system call futex: its number is what /proc/PID/syscall begins with.
    private static func isInFutex(_ pid: pid_t) -> Bool {
        let file = open("/proc/\(pid)/syscall", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        var text = [UInt8](repeating: 0, count: 32)
        let count = read(file, &text, text.count)
        return String(decoding: text[..<max(0, count)], as: UTF8.self).hasPrefix("\(SYS_futex) ")
    }

    @Test("the descriptors here are the same ones after a spawn as before it")
    func parentIntact() async {
        // Alone in a process: other tests open and close descriptors.
        await #expect(processExitsWith: .success) {
            try await onLoop { loop in
                let spawner = try Spawner(on: loop)
                _ = try await run(shell("true"), by: spawner, on: loop)
                let streams = Streams()
                let before = await steadyCensus(on: loop)
                let process = try await begin(PreparedCommand(shell("sleep 1000")), streams, by: spawner)
                try await process.executed()
                let now = await steadyCensus(on: loop)
                let added = now.added(since: before)
                precondition(added.children == [Int(process.pid)], "\(added)")
                precondition(added.descriptors.count == 1 && added.descriptors.first?.contains("pidfd") == true)
                precondition(before.added(since: now).isEmpty, "\(before.added(since: now)) is gone")
                process.stop(.kill)
                _ = await process.exited()
                let after = await steadyCensus(on: loop)
                precondition(after == before, "\(after.added(since: before))")
            }
        }
    }

    @Test("it leads its own session and process group, with umask 022 and 1024 descriptors, hard limit unchanged")
    func surroundings() async throws {
        try await onLoop { loop in
            let spawner = try Spawner(on: loop)
            let script = "echo $$; cut -d' ' -f5,6 /proc/$$/stat; umask; ulimit -Sn; ulimit -Hn; pwd"
            let (process, streams) = try await start(shell(script), by: spawner)
            let output = await streams.readAll(on: loop)
            _ = await process.exited()
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            let pid = process.pid
            #expect(output == "\(pid)\n\(pid) \(pid)\n0022\n1024\n\(limit.rlim_max)\n/\n")
        }
    }

    @Test("umask, working directory and limit are as the command says")
    func configuredSurroundings() async throws {
        try await onLoop { loop in
            let spawner = try Spawner(on: loop)
            var command = shell("umask; ulimit -n; pwd")
            command.umask = 0o77
            command.descriptorLimit = 64
            command.workingDirectory = "/usr/share"
            #expect(try await run(command, by: spawner, on: loop).output == "0077\n64\n/usr/share\n")
        }
    }

    @Test("no signal is ignored, caught or blocked, whatever is here")
    func signals() async throws {
        try await onLoop { loop in
            signal(SIGPIPE, SIG_IGN)
            signal(SIGUSR2) { _ in }
            defer { signal(SIGUSR2, SIG_DFL) }
            var blocked = sigset_t()
            sigaddset(&blocked, SIGHUP)
            pthread_sigmask(SIG_BLOCK, &blocked, nil)
            let before = mask()
            let spawner = try Spawner(on: loop)
            let command = HandlerCommand(service: "test", path: "/bin/cat", arguments: ["cat", "/proc/self/status"])
            let status = try await run(command, by: spawner, on: loop).output
            for field in ["SigBlk", "SigIgn", "SigCgt", "SigPnd", "ShdPnd"] {
                #expect(status.contains("\n\(field):\t0000000000000000\n"), "\(field)")
            }
            #expect(mask() == before && before.contains(SIGHUP), "our own mask is restored")
        }
    }

    private func mask() -> [CInt] {
        var now = sigset_t()
        pthread_sigmask(SIG_BLOCK, nil, &now)
        return (1...64).filter { sigismember(&now, $0) == 1 }
    }

    @Test("no_new_privs is set unless the command says otherwise")
    func privileges() async throws {
        try await onLoop { loop in
            let spawner = try Spawner(on: loop)
            var command = shell("grep NoNewPrivs /proc/self/status")
            #expect(try await run(command, by: spawner, on: loop).output == "NoNewPrivs:\t1\n")
            command.forbidsNewPrivileges = false
            #expect(try await run(command, by: spawner, on: loop).output == "NoNewPrivs:\t0\n")
        }
    }

    @Test("it runs as its account with all its groups and no capability", .enabled(if: isRoot, "needs root"))
    func account() async throws {
        try await onLoop { loop in
            let spawner = try Spawner(on: loop)
            var account = nobody
            account.groups = [65534, 100, 12]
            let command = shell("grep -E '^(Uid|Gid|Groups|CapEff|CapPrm|CapAmb)' /proc/self/status", account: account)
            let output = try await run(command, by: spawner, on: loop).output
            let none = "0000000000000000"
            #expect(
                output == """
                    Uid:\t65534\t65534\t65534\t65534
                    Gid:\t65534\t65534\t65534\t65534
                    Groups:\t12 100 65534 
                    CapPrm:\t\(none)
                    CapEff:\t\(none)
                    CapAmb:\t\(none)

                    """)
            #expect(geteuid() == 0 && getegid() == 0, "we are who we were")
        }
    }

    @Test("without a change of identity it runs as the daemon, and still finds the account's variables")
    func ownIdentity() async throws {
        try await onLoop { loop in
            let spawner = try Spawner(on: loop)
            var command = shell("id -u; echo $USER", account: nobody)
            command.changesIdentity = false
            #expect(try await run(command, by: spawner, on: loop).output == "\(geteuid())\nnobody\n")
        }
    }

    @Test("the working directory is entered as the account, not as the daemon", .enabled(if: isRoot, "needs root"))
    func directoryAsAccount() async throws {
        try await onLoop { loop in
            let spawner = try Spawner(on: loop)
            var command = shell("pwd", account: nobody)
            command.workingDirectory = "/root"
            let failure = await #expect(throws: SpawnFailure.self) {
                _ = try await run(command, by: spawner, on: loop)
            }
            #expect(failure?.step == .directory && failure?.errno == .permissionDenied)
        }
    }

    @Test("a spawner is starting a program until 5 ms after its beginning")
    func isStarting() async throws {
        let clock = ManualClock()
        try await onLoop(clock: clock) { loop in
            let spawner = try Spawner(on: loop)
            #expect(!spawner.isStarting)
            let (process, streams) = try await start(shell("read x"), by: spawner)
            #expect(spawner.isStarting)
            await clock.advance(by: .milliseconds(5) - .nanoseconds(1), on: loop)
            #expect(spawner.isStarting)
            await clock.advance(by: .nanoseconds(1), on: loop)
            #expect(!spawner.isStarting)
            streams.ours.close()
            _ = await process.exited()
        }
    }
}
