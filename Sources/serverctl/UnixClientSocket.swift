// SPDX-License-Identifier: Apache-2.0
// The system calls of a blocking client on a Unix stream socket.

internal import Descriptors
internal import Glibc
internal import Policy
internal import SystemPackage

extension sockaddr_un {
    /// The address of a socket file; `nil` if the path is empty, too long, or holds a NUL.
    init?(path: String) {
        self.init()
        let bytes = Array(path.utf8)
        let room = MemoryLayout.size(ofValue: sun_path)
        guard !bytes.isEmpty, bytes.count < room, !bytes.contains(0) else { return nil }
        sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &sun_path) { $0.copyBytes(from: bytes) }
    }
}

extension Descriptor {
    /// Has every call on this socket that waits for longer fail with `EAGAIN`.
    borrowing func setTimeouts(_ timeout: Duration) throws(Errno) {
        let microseconds = Int(timeout.wholeMicroseconds)
        // A `struct timeval`, spelt out: which module that type is found in depends on what else is imported.
        let time = [microseconds / 1_000_000, microseconds % 1_000_000]
        let length = socklen_t(MemoryLayout<Int>.size * time.count)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            let result = use { setsockopt($0, SOL_SOCKET, option, time, length) }
            try Errno.check(result)
        }
    }

    /// Connects this socket.
    ///
    /// It waits while the listener's queue is full.
    borrowing func connect(to address: inout sockaddr_un) throws(Errno) {
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = use { number in
            withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(number, $0, length) }
            }
        }
        try Errno.check(result)
    }

    /// Sends some of the bytes, and returns how many.
    ///
    /// While there is no room for any it waits, or, if it must not, fails with `EAGAIN`.
    borrowing func send(_ bytes: ArraySlice<UInt8>, waiting: Bool = true) throws(Errno) -> Int {
        let flags = CInt(MSG_NOSIGNAL) | (waiting ? 0 : CInt(MSG_DONTWAIT))
        return try use { number throws(Errno) in
            try Errno.retryingInterrupts {
                bytes.withUnsafeBytes { Glibc.send(number, $0.baseAddress, $0.count, flags) }
            }
        }
    }

    /// Tells the peer that nothing more will be sent.
    borrowing func finishSending() throws(Errno) {
        let result = use { shutdown($0, CInt(SHUT_WR)) }
        try Errno.check(result)
    }

    /// The bytes that have arrived; none at the end of the stream.
    borrowing func receive() throws(Errno) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let count = try use { number throws(Errno) in
            try Errno.retryingInterrupts {
                buffer.withUnsafeMutableBytes { recv(number, $0.baseAddress, $0.count, 0) }
            }
        }
        return Array(buffer.prefix(count))
    }
}
