// SPDX-License-Identifier: Apache-2.0
// A connected stream socket: reading, writing, the only shutdown(2), and its two ways to close.

internal import CLinux
internal import Descriptors
package import EventLoops
internal import Glibc
public import Policy
package import SystemPackage

// Safe: the state is touched only on the loop's thread.
/// One accepted stream socket, served on an event loop.
///
/// All async calls may be repeated and may come from any task: they hop to the loop. Reading and writing never block
/// the loop; O_NONBLOCK is not used, since it would belong to every process that holds the socket.
public final class ConnectedSocket: @unchecked Sendable {
    /// The other end, as accept(2) gave it.
    public let peer: SocketAddress
    /// Who is at the other end of a Unix socket, by the kernel's word; `nil` for a connection of the Internet.
    ///
    /// Looked up when the connection was accepted: it answers on any thread, and after close.
    public let peerCredentials: PeerCredentials?
    package let loop: EventLoop
    private let knownLocalAddress: SocketAddress?
    private var descriptor: Descriptor?
    private var readiness: Readiness?
    private var bytesThisTurn = 0
    /// Whether the peer could send descriptors: it is asked for when it matters.
    private lazy var mayBringDescriptors: Bool = {
        guard case .unix = peer, let number = descriptor?.use({ $0 }) else { return false }
        guard clinux_refuses_descriptors(number) == 0 else { return false }
        clinux_receive_urgent_inline(number)
        return true
    }()

    /// How many bytes one connection may move before it lets others have their turn.
    static let bytesPerTurn = 256 * 1024

    /// Takes ownership of the descriptor inside `accepted`.
    ///
    /// `localAddress` is our end if the caller knows it.
    package init(_ accepted: AcceptedConnection, localAddress: SocketAddress?, on loop: EventLoop) {
        descriptor = Descriptor(adopting: accepted.descriptor)
        peer = accepted.peer
        peerCredentials = PeerCredentials(accepted)
        knownLocalAddress = localAddress
        self.loop = loop
    }

    /// A socket that was given away before, by another daemon: it is closed here.
    package init(
        givenAwayBy peer: SocketAddress, _ credentials: PeerCredentials?, localAddress: SocketAddress,
        on loop: EventLoop
    ) {
        self.peer = peer
        peerCredentials = credentials
        knownLocalAddress = localAddress
        self.loop = loop
    }

    /// Our end.
    ///
    /// For a closed socket whose listener had no address of its own: `nil`. Only on the loop.
    public var localAddress: SocketAddress? {
        knownLocalAddress ?? withDescriptor { RawAddress.local(of: $0) } ?? nil
    }

    /// Whether it was closed here, or given away.
    package var isClosed: Bool { descriptor == nil }

    /// Lends the descriptor's number, for socket options or to give a copy to a program.
    ///
    /// Only on the loop.
    /// - Returns: `nil` when the socket is closed.
    package func withDescriptor<R, E: Error>(_ body: (CInt) throws(E) -> R) throws(E) -> R? {
        loop.preconditionOnLoop()
        return try descriptor?.use(body)
    }

    // MARK: Bytes

    /// Waits for bytes and reads at most `count` of them; an empty array is the end of the stream.
    /// - Throws: `ECANCELED` when the task is cancelled, `EBADF` when the socket is closed here, or what recv(2) says.
    package func receive(upTo count: Int) async throws(Errno) -> [UInt8] {
        while true {
            await yieldAfterTurn()
            switch await loop.perform({ self.receiveNow(upTo: count) }) {
            case .success(let bytes): return bytes
            case .failure(.wouldBlock): try await wait(for: .read)
            case .failure(let error): throw error
            }
        }
    }

    private func receiveNow(upTo count: Int) -> Result<[UInt8], Errno> {
        guard let number = descriptor?.use({ $0 }) else { return .failure(.badFileDescriptor) }
        var failure: Errno?
        let takesCare = mayBringDescriptors
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            let received = Self.uninterrupted {
                takesCare
                    ? clinux_receive_without_descriptors(number, buffer.baseAddress, buffer.count)
                    : recv(number, buffer.baseAddress, buffer.count, CInt(MSG_DONTWAIT))
            }
            if received < 0 { failure = Errno(rawValue: errno) }
            initialized = max(received, 0)
        }
        if let failure { return .failure(failure) }
        bytesThisTurn += bytes.count
        return .success(bytes)
    }

    /// Writes as many of `bytes` as fit now.
    ///
    /// Only on the loop.
    /// - Returns: how many; `EAGAIN` when none do, `EPIPE` or `ECONNRESET` when the peer has gone, without a signal.
    package func sendNow(_ bytes: ArraySlice<UInt8>) -> Result<Int, Errno> {
        guard let number = descriptor?.use({ $0 }) else { return .failure(.badFileDescriptor) }
        let sent = bytes.withUnsafeBytes { buffer in
            Self.uninterrupted {
                send(number, buffer.baseAddress, buffer.count, CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL))
            }
        }
        guard sent >= 0 else { return .failure(Errno(rawValue: errno)) }
        bytesThisTurn += sent
        return .success(sent)
    }

    /// Writes all of `bytes`, and waits while the system takes no more.
    /// - Throws: `ECANCELED` when the task is cancelled while it waits, `EBADF` when the socket is closed here, or what
    ///   send(2) says. Some of the bytes may have been written then.
    package func sendAll(_ bytes: ArraySlice<UInt8>) async throws(Errno) {
        var rest = bytes
        while !rest.isEmpty {
            await yieldAfterTurn()
            switch await loop.perform({ [rest] in self.sendNow(rest.prefix(self.bytesLeftThisTurn)) }) {
            case .success(let count): rest = rest.dropFirst(count)
            case .failure(.wouldBlock): try await wait(for: .write)
            case .failure(let error): throw error
            }
        }
    }

    /// Calls `action` on the loop once the socket takes bytes again, or is closed.
    ///
    /// One at a time. Only on the loop.
    package func whenWritable(_ action: @escaping (ReadinessOutcome) -> Void) {
        guard let readiness = makeReadiness() else { return action(.closed) }
        readiness.whenReady(for: .write, action)
    }

    /// Lets other work run when this connection has had its bytes of this turn.
    package func yieldAfterTurn() async {
        if await loop.perform({ self.endTurnIfDue() }) { await loop.yieldTurn() }
    }

    private func endTurnIfDue() -> Bool {
        guard bytesLeftThisTurn == 0 else { return false }
        bytesThisTurn = 0
        return true
    }

    /// How many bytes this connection may still move in this turn.
    ///
    /// Only on the loop.
    package var bytesLeftThisTurn: Int { max(0, Self.bytesPerTurn - bytesThisTurn) }

    /// Calls `action` in the next turn, which begins with no bytes moved.
    ///
    /// Only on the loop.
    package func inNextTurn(_ action: @escaping @Sendable () -> Void) {
        loop.executeInNextTurn {
            self.bytesThisTurn = 0
            action()
        }
    }

    private func wait(for direction: Interest) async throws(Errno) {
        let made = await loop.perform {
            self.bytesThisTurn = 0
            return self.makeReadiness()
        }
        guard let readiness = made else { throw .badFileDescriptor }
        switch await readiness.wait(for: direction) {
        case .ready: return
        case .closed: throw .badFileDescriptor
        case .cancelled: throw .canceled
        }
    }

    /// Waits until the peer has closed the connection, or it is closed here; returns too when the task is cancelled.
    ///
    /// A peer that has closed only the direction in which it sends has not. By one task at a time.
    package func hungUp() async {
        guard let readiness = await loop.perform({ self.makeReadiness() }) else { return }
        _ = await readiness.wait(for: .hangUp)
    }

    /// Waits until bytes, or the end, can be read; returns too when the task is cancelled or the socket closed here.
    ///
    /// By one task at a time, which does not read meanwhile.
    package func waitUntilReadable() async { try? await wait(for: .read) }

    private func makeReadiness() -> Readiness? {
        guard let number = descriptor?.use({ $0 }) else { return nil }
        if let readiness { return readiness }
        let made = Readiness(number, on: loop)
        readiness = made
        return made
    }

    private static func uninterrupted(_ call: () -> Int) -> Int {
        while true {
            let result = call()
            if result >= 0 || errno != EINTR { return result }
        }
    }

    // MARK: Closing

    /// Tells the peer that no more bytes will come; what the peer sends is still read.
    package func shutdownWriting() {
        loop.preconditionOnLoop()
        descriptor?.use { _ = shutdown($0, CInt(SHUT_WR)) }
    }

    /// Ends the connection for every process that holds it, and closes our descriptor: shutdown(2), then close(2).
    ///
    /// It returns when close(2) has. Waiting reads end as if the socket had been closed before.
    public func close() async {
        await loop.perform { self.closeNow() }
    }

    /// As ``close()``, at once.
    ///
    /// Only on the loop.
    package func closeNow() {
        loop.preconditionOnLoop()
        // Fails when the peer has gone; then there is nothing to end.
        descriptor?.use { _ = shutdown($0, CInt(SHUT_RDWR)) }
        closeOwnDescriptor()
    }

    /// Closes our descriptor and leaves the connection alone: a program that has a copy decides when it ends.
    ///
    /// Only on the loop.
    package func closeOwnDescriptor() {
        loop.preconditionOnLoop()
        // First the watch, then the number: the next connection may get the same one.
        readiness?.close()
        readiness = nil
        let isGuarded = descriptor?.use { clinux_has_input($0) != 0 } == true && mayBringDescriptors
        guard let open = descriptor.take() else { return }
        // Descriptors in the queue are closed with it, which can take as long as their sender likes.
        if isGuarded { clinux_close_elsewhere([open.release()], 1) } else { open.close() }
    }

    /// Gives the descriptor away.
    func releaseDescriptor() -> CInt? {
        loop.preconditionOnLoop()
        readiness?.close()
        readiness = nil
        return descriptor.take()?.release()
    }

    /// Makes a listening Unix socket refuse whoever comes now, while those in its queue can still be accepted.
    static func refuseNewConnections(toUnixListener number: CInt) {
        _ = shutdown(number, CInt(SHUT_RD))
    }
}
