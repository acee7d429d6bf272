// SPDX-License-Identifier: Apache-2.0
// Plays systemd's part of sd_notify: a datagram socket that a daemon reports to.

import Foundation
import Synchronization

/// What a daemon with `NOTIFY_SOCKET` set to `path` has reported.
final class NotifySocket: Sendable {
    let path: String
    private let descriptor: CInt
    private let lines = Mutex<[String]>([])

    init(path: String) throws {
        self.path = path
        let flags = CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        descriptor = socket(AF_UNIX, flags, 0)
        let (address, length) = unixAddress(Array(path.utf8))
        let bound = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) == 0 }
        }
        guard bound else { throw TestFailure("cannot bind \(path): \(String(cString: strerror(errno)))") }
    }

    deinit { close(descriptor) }

    /// Every line received so far, in order.
    var received: [String] {
        takeArrived()
        return lines.withLock { $0 }
    }

    /// Waits until a line begins with `prefix`; throws at once when `process` ends without having said it.
    func await(_ prefix: String, from process: ChildProcess, seconds: TimeInterval = patience) throws {
        let deadline = Date() + seconds
        while true {
            let hadEnded = process.hasEnded
            if received.contains(where: { $0.hasPrefix(prefix) }) { return }
            if hadEnded { throw TestFailure("ended before it reported \(prefix), with \(try process.wait())") }
            guard Date() < deadline else {
                throw TestFailure("did not report \(prefix) within \(seconds) s: \(received)")
            }
            var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            poll(&ready, 1, 100)
        }
    }

    /// Takes what has arrived, so that there is room for more.
    func takeArrived() {
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return }
            let text = String(decoding: buffer[..<count], as: UTF8.self)
            lines.withLock { $0 += text.split(separator: "\n").map(String.init) }
        }
    }
}
