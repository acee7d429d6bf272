// SPDX-License-Identifier: Apache-2.0
// Plays systemd's part of sd_notify: a datagram socket that a daemon reports to.

import Foundation
import Synchronization

/// What a daemon with `NOTIFY_SOCKET` set to `path` has reported.
///
/// As systemd does, it takes every report at once: a queue that is full would hold up the daemon.
final class NotifySocket: Sendable {
    let path: String
    private let inbox: Inbox

    init(path: String) throws {
        self.path = path
        let descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        let (address, length) = unixAddress(Array(path.utf8))
        let bound = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) == 0 }
        }
        guard bound else { throw TestFailure("cannot bind \(path): \(String(cString: strerror(errno)))") }
        inbox = Inbox(descriptor)
        Thread.detachNewThread { [inbox] in inbox.fill() }
    }

    // The thread sees the end, and the last of the two closes the descriptor.
    deinit { inbox.end() }

    /// Every line received so far, in order.
    var received: [String] { inbox.lines.withLock { $0 } }

    /// Waits until a line begins with `prefix`; throws when `process` has ended without having said it.
    func await(_ prefix: String, from process: ChildProcess, seconds: TimeInterval = patience) throws {
        let deadline = Date() + seconds
        var looksAfterEnd = 0
        while !received.contains(where: { $0.hasPrefix(prefix) }) {
            // What it said at last may still be on its way through the thread.
            if process.hasEnded { looksAfterEnd += 1 }
            if looksAfterEnd > 500 {
                throw TestFailure("ended before it reported \(prefix), with \(try process.wait()): \(received)")
            }
            guard Date() < deadline else {
                throw TestFailure("did not report \(prefix) within \(seconds) s: \(received)")
            }
            // Paces the looks.
            poll(nil, 0, 10)
        }
    }
}

/// The lines that have arrived, and the thread that takes them in.
private final class Inbox: Sendable {
    let lines = Mutex<[String]>([])
    private let descriptor: CInt

    init(_ descriptor: CInt) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Ends ``fill()``.
    func end() { shutdown(descriptor, CInt(SHUT_RDWR)) }

    /// Takes in what arrives, until the end.
    func fill() {
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            let text = String(decoding: buffer[..<count], as: UTF8.self)
            lines.withLock { $0 += text.split(separator: "\n").map(String.init) }
        }
    }
}
