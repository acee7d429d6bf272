// SPDX-License-Identifier: Apache-2.0
// Plays systemd's part for a daemon that may crash: keeps its descriptors, and starts it again with them.

import Foundation
import Synchronization

/// Starts a daemon as often as it is asked to, with the descriptors that it has had kept, by sd_pid_notify_with_fds(3)
/// and sd_listen_fds_with_names(3).
final class ServiceManagerDouble: Sendable {
    private struct Kept {
        let name: String
        let descriptor: CInt
    }
    private struct State {
        var kept: [Kept] = []
        var readies = 0
        var keeps: [String: Int] = [:]
        var problem: String?
    }

    private let command: [String]
    private let log: LogFile
    private let path: String
    private let socket: CInt
    private let state = Mutex(State())
    private let current = Mutex<ChildProcess?>(nil)

    /// Starts nothing yet.
    init(_ command: [String], in directory: TemporaryDirectory) throws {
        // The shell becomes the daemon, and so knows its pid.
        self.command = ["/bin/sh", "-c", "export LISTEN_PID=$$; exec \"$@\"", "sh"] + command
        path = directory.path("notify")
        log = try LogFile(path: directory.path("log"))
        socket = Glibc.socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        let (address, length) = unixAddress(Array(path.utf8))
        let bound = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket, $0, length) == 0 }
        }
        guard bound else { throw TestFailure("cannot bind \(path): \(String(cString: strerror(errno)))") }
        Thread.detachNewThread { [weak self, socket] in
            while let (text, descriptors) = Self.receive(from: socket) {
                guard let self else { return }
                take(text, descriptors)
            }
        }
    }

    deinit {
        shutdown(socket, CInt(SHUT_RDWR))
        current.withLock { $0?.end() }
        for kept in state.withLock(\.kept) { close(kept.descriptor) }
    }

    /// What the daemons have logged.
    var logText: String { log.text }

    /// Waits for a line of the log.
    func awaitLog(_ parts: String...) throws {
        try eventually("the log has \(parts)") {
            self.log.lines.contains { line in parts.allSatisfy { line.contains($0) } }
        }
    }

    /// The names of what is kept, in order.
    var keptNames: [String] { state.withLock { $0.kept.map(\.name).sorted() } }

    /// How often something was kept under a name.
    func timesKept(_ name: String) -> Int { state.withLock { $0.keeps[name, default: 0] } }

    /// The process that runs now.
    var pid: pid_t { current.withLock { $0?.pid ?? 0 } }

    /// Starts the daemon and waits until it is ready.
    func start() throws {
        let before = state.withLock { $0.readies }
        let kept = state.withLock { $0.kept }
        // Newest first, as systemd does.
        let passed = Array(kept.reversed())
        let names = passed.map(\.name).joined(separator: ":")
        var variables = ["NOTIFY_SOCKET": path]
        if !passed.isEmpty { variables.merge(["LISTEN_FDS": "\(passed.count)", "LISTEN_FDNAMES": names]) { $1 } }
        let process = try ChildProcess(
            command,
            environment: ChildProcess.environment.merging(variables) { $1 }, errors: .file(log.path),
            passing: passed.map(\.descriptor))
        current.withLock { $0 = process }
        try eventually("the daemon is ready") {
            if process.hasEnded { throw TestFailure("it has ended") }
            return state.withLock { $0.readies } > before
        }
    }

    /// Kills the daemon, as a crash would, and starts it again.
    func crash() throws {
        let process = current.withLock { $0 }
        process?.signal(SIGKILL)
        try process?.wait()
        try start()
    }

    /// Ends it for good, as systemd would.
    func stop() throws -> CInt {
        let process = current.withLock { $0 }
        process?.signal(SIGTERM)
        return try process?.wait() ?? -1
    }

    private func take(_ text: String, _ descriptors: [CInt]) {
        let lines = text.split(separator: "\n").map(String.init)
        let name = lines.first { $0.hasPrefix("FDNAME=") }.map { String($0.dropFirst(7)) } ?? "stored"
        state.withLock { state in
            if lines.contains("READY=1") { state.readies += 1 }
            if lines.contains("FDSTOREREMOVE=1") {
                for kept in state.kept where kept.name == name { close(kept.descriptor) }
                state.kept.removeAll { $0.name == name }
            }
            for descriptor in descriptors {
                guard lines.contains("FDSTORE=1"), lines.contains("FDPOLL=0"), !name.contains(":"),
                    !state.kept.contains(where: { Self.isSame($0.descriptor, descriptor) })
                else {
                    close(descriptor)
                    continue
                }
                state.kept.append(Kept(name: name, descriptor: descriptor))
                state.keeps[name, default: 0] += 1
            }
        }
    }

    /// Whether both are of one open file, as kcmp(2) says; sockets have an inode each.
    private static func isSame(_ a: CInt, _ b: CInt) -> Bool {
        var (first, second) = (stat(), stat())
        guard fstat(a, &first) == 0, fstat(b, &second) == 0 else { return false }
        return first.st_dev == second.st_dev && first.st_ino == second.st_ino
    }

    private static func receive(from socket: CInt) -> (String, [CInt])? {
        var bytes = [UInt8](repeating: 0, count: 4096)
        var control = [UInt64](repeating: 0, count: 64)
        let count = bytes.withUnsafeMutableBytes { buffer in
            control.withUnsafeMutableBytes { room in
                var vector = iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
                return withUnsafeMutablePointer(to: &vector) { vector in
                    var message = msghdr()
                    message.msg_iov = vector
                    message.msg_iovlen = 1
                    message.msg_control = room.baseAddress
                    message.msg_controllen = room.count
                    return recvmsg(socket, &message, CInt(MSG_CMSG_CLOEXEC))
                }
            }
        }
        guard count > 0 else { return nil }
        return (String(decoding: bytes[..<count], as: UTF8.self), descriptors(in: control))
    }

    /// The descriptors of a first control message: its length, its level and type, then they.
    private static func descriptors(in control: [UInt64]) -> [CInt] {
        let kind = UInt64(UInt32(SOL_SOCKET)) | UInt64(SCM_RIGHTS) << 32
        guard control[0] > 16, control[1] == kind else { return [] }
        let count = (Int(control[0]) - 16) / MemoryLayout<CInt>.size
        return control.withUnsafeBytes { bytes in
            (0..<count).map { bytes.load(fromByteOffset: 16 + 4 * $0, as: CInt.self) }
        }
    }
}
