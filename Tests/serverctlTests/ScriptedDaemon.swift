// SPDX-License-Identifier: Apache-2.0
// A daemon that plays a script: it listens on a socket file, and says to each call what the test wants.

internal import Descriptors
internal import Glibc
internal import Testing
internal import Varlink

/// Runs `body` with the path of a socket on which each call is answered by what `reply` returns, and by closing the
/// connection where that is `nil`, or, if it `hangsUp`, after the answer to one that may have many.
///
/// A connection whose call asks for an upgrade belongs to `upgraded` after the answer, and is closed when that returns.
func withScriptedDaemon<Result>(
    _ reply: @escaping @Sendable (Call) -> [UInt8]?, hangsUp: Bool = false,
    upgraded: @escaping @Sendable (borrowing Descriptor) -> Void = { _ in },
    body: (_ path: String) throws -> Result
) throws -> Result {
    try withDaemon {
        serve($0, reply, hangsUp, upgraded)
    } body: {
        try body($0)
    }
}

/// Runs `body` with the path of a socket on which each connection is closed when something has come, which is not read.
func withDeafDaemon<Result>(_ body: (_ path: String) throws -> Result) throws -> Result {
    try withDaemon { listener in
        while case let number = accept(listener, nil, nil), number >= 0 {
            var waiting = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
            poll(&waiting, 1, -1)
            close(number)
        }
    } body: {
        try body($0)
    }
}

/// Runs `body` with the path of a socket which `serve` has, on a thread of its own, until it cannot accept any more.
private func withDaemon<Result>(
    _ serve: @escaping @Sendable (_ listener: CInt) -> Void, body: (_ path: String) throws -> Result
) throws -> Result {
    try withListener { path, listener in
        let number = listener.use(\.self)
        let thread = Thread { serve(number) }
        defer {
            // accept(2) fails from now on, and the thread ends.
            shutdown(number, CInt(SHUT_RDWR))
            thread.join()
        }
        return try body(path)
    }
}

/// Runs `body` with a socket that listens in a temporary directory and accepts nothing by itself.
func withListener<Result>(_ body: (_ path: String, borrowing Descriptor) throws -> Result) throws -> Result {
    var template = Array("/tmp/serverctlTests.XXXXXX".utf8CString)
    let made = template.withUnsafeMutableBufferPointer { buffer in buffer.baseAddress.map { mkdtemp($0) != nil } }
    try #require(made == true)
    let directory = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    let path = directory + "/socket"
    defer {
        unlink(path)
        rmdir(directory)
    }
    let listener = Descriptor(adopting: socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let bound = listener.use { number in
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0 && listen(number, 8) == 0
            }
        }
    }
    try #require(bound)
    return try body(path, listener)
}

private func serve(
    _ listener: CInt, _ reply: (Call) -> [UInt8]?, _ hangsUp: Bool, _ upgraded: (borrowing Descriptor) -> Void
) {
    while case let number = accept(listener, nil, nil), number >= 0 {
        let connection = Descriptor(adopting: number)
        var session = ServerSession()
        var isOpen = true
        while isOpen {
            var byte: UInt8 = 0
            guard connection.use({ recv($0, &byte, 1, 0) }) == 1 else { break }
            session.receive([byte])
            // The client's own tests are elsewhere; what cannot be read here ends the connection, and the test.
            guard let call = try? session.nextCall() else { continue }
            guard let answer = reply(call) else { break }
            let sent = connection.use { send($0, answer, answer.count, CInt(MSG_NOSIGNAL)) }
            isOpen = sent == answer.count && !(hangsUp && call.mode == .more)
            guard call.mode != .upgrade else {
                upgraded(connection)
                break
            }
        }
    }
}

/// A thread of its own, because a blocking server must not sit on the threads that tests run on.
private struct Thread {
    private final class Work {
        let body: () -> Void

        init(_ body: @escaping () -> Void) {
            self.body = body
        }
    }

    private var thread = pthread_t()

    init(_ body: @escaping @Sendable () -> Void) {
        let work = Unmanaged.passRetained(Work(body))
        let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { pointer in
            guard let pointer else { return nil }
            Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue().body()
            return nil
        }
        let error = pthread_create(&thread, nil, main, work.toOpaque())
        precondition(error == 0, "cannot start a thread: errno \(error)")
    }

    func join() {
        pthread_join(thread, nil)
    }
}
