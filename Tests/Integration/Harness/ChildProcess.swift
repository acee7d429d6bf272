// SPDX-License-Identifier: Apache-2.0
// Starts a program with exactly the descriptors a test wants, and waits for its end within a bound.

import Foundation
import Synchronization

/// How long anything may take before a test gives up; a safety net that no passing test comes near.
let patience: TimeInterval = 120

/// A started program in a session of its own.
final class ChildProcess: Sendable {
    /// What one of the program's standard descriptors is.
    enum Stream: Sendable {
        case null
        case file(String)
        case descriptor(CInt)
        case closed
    }

    let pid: pid_t
    private let command: [String]
    private let status = Mutex<CInt?>(nil)
    private let ended = DispatchSemaphore(value: 0)

    /// Starts `command`, with `passed` as its descriptors from 3 on; its first word is an absolute path.
    ///
    /// The environment is exactly the one given.
    init(
        _ command: [String], environment: [String: String] = ChildProcess.environment, input: Stream = .null,
        output: Stream = .null, errors: Stream = .null, passing passed: [CInt] = []
    ) throws {
        self.command = command
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (number, stream) in [input, output, errors].enumerated() {
            Self.add(stream, as: CInt(number), to: &actions)
        }
        // Whatever another test has open without close-on-exec must not be kept open by this program.
        // A number that the limit does not allow would be an error.
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        // Above all that is replaced first: a number that is passed may be one that another becomes.
        let parked = CInt(min(limit.rlim_cur, 1024)) - CInt(passed.count) - 1
        for (index, descriptor) in passed.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, descriptor, parked + CInt(index))
        }
        for number in 3..<parked { posix_spawn_file_actions_addclose(&actions, number) }
        for index in passed.indices {
            posix_spawn_file_actions_adddup2(&actions, parked + CInt(index), CInt(3 + index))
        }
        for number in parked..<CInt(min(limit.rlim_cur, 1024)) {
            posix_spawn_file_actions_addclose(&actions, number)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        Self.reset(&attributes)
        var started: pid_t = 0
        let result = withCStrings(command) { words in
            withCStrings(environment.map { "\($0.key)=\($0.value)" }) { variables in
                posix_spawn(&started, command[0], &actions, &attributes, words, variables)
            }
        }
        guard result == 0 else { throw TestFailure("cannot start \(command[0]): \(String(cString: strerror(result)))") }
        pid = started
        Thread.detachNewThread { [self] in
            var information = siginfo_t()
            while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) < 0 && errno == EINTR {}
            // Only under the lock does the pid become free for another process: nobody signals that one.
            status.withLock { status in
                var code: CInt = 0
                waitpid(pid, &code, 0)
                status = code
            }
            ended.signal()
        }
    }

    /// What every program of the tests sees, unless told otherwise: no configuration of the person who runs them.
    static let environment = [
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
        "HOME": "/nonexistent",
        "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
    ]

    /// Whether it has ended.
    var hasEnded: Bool { status.withLock { $0 != nil } }

    /// Waits for the end; the exit code, or 128 plus the signal.
    ///
    /// Throws when it takes longer than `seconds`.
    @discardableResult
    func wait(seconds: TimeInterval = patience) throws -> CInt {
        guard ended.wait(timeout: .now() + seconds) == .success else {
            throw TestFailure("\(command.joined(separator: " ")) did not end within \(seconds) s")
        }
        ended.signal()
        let code = status.withLock { $0 ?? 0 }
        return code & 0x7f == 0 ? (code >> 8) & 0xff : 128 + code & 0x7f
    }

    /// Sends a signal, unless the program was already collected.
    func signal(_ number: CInt) {
        status.withLock { if $0 == nil { kill(pid, number) } }
    }

    /// Ends the program at once, if it still runs.
    func end() {
        signal(SIGKILL)
        _ = try? wait()
    }

    private static func add(_ stream: Stream, as number: CInt, to actions: inout posix_spawn_file_actions_t) {
        let flags = number == 0 ? O_RDONLY : O_WRONLY | O_CREAT | O_APPEND
        switch stream {
        case .null: posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_RDWR, 0)
        case .file(let path): posix_spawn_file_actions_addopen(&actions, number, path, flags, 0o600)
        case .descriptor(let descriptor): posix_spawn_file_actions_adddup2(&actions, descriptor, number)
        case .closed: posix_spawn_file_actions_addclose(&actions, number)
        }
    }

    /// Default signals and an empty mask, whatever the test process has; a session, so that no terminal is shared.
    private static func reset(_ attributes: inout posix_spawnattr_t) {
        var all = sigset_t()
        sigfillset(&all)
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setsigmask(&attributes, &none)
        let flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | 0x80  // POSIX_SPAWN_SETSID, spawn.h
        posix_spawnattr_setflags(&attributes, Int16(flags))
    }
}

/// Calls `body` with a null-terminated array of C strings, as execve wants it.
func withCStrings<R>(_ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> R) -> R {
    let pointers = strings.map { strdup($0) }
    defer { pointers.forEach { free($0) } }
    return body(pointers + [nil])
}
