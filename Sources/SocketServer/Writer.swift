// SPDX-License-Identifier: Apache-2.0
// The writing end of a connection: buffered, with back-pressure, an age limit, and a deadline for its close.

internal import EventLoops
internal import Sockets
internal import SystemPackage

// Safe: the state is touched only on the loop's thread.
/// Bytes to the peer.
///
/// What is written goes out at once as far as the system takes it; the rest is kept and sent as soon as it can be.
public final class Writer: @unchecked Sendable {
    /// Above this many waiting bytes ``write(_:)`` waits for the peer.
    static let highWater = 128 * 1024

    private enum Phase {
        case open, closing, closed
    }

    private let socket: ConnectedSocket
    private let ages: BufferAge
    private let closeDeadline: Duration
    private let changed: LoopCondition
    private var buffer = WriteBuffer()
    private var phase = Phase.open
    private var failure: ServerError?
    private var isWaitingForRoom = false
    private var ageLimit: BufferAgeLimit
    private var stalledPeerIsGone = false
    /// Is told of the first failure, on the loop.
    var onFailure: (@Sendable (ServerError) -> Void)?

    init(_ socket: ConnectedSocket, ageLimit: BufferAgeLimit, closeDeadline: Duration, ages: BufferAge) {
        self.socket = socket
        self.ageLimit = ageLimit
        self.closeDeadline = closeDeadline
        self.ages = ages
        changed = LoopCondition(on: socket.loop)
    }

    /// Gives bytes to the peer: sends what the system takes now and keeps the rest.
    ///
    /// Waits only while more than 128 KiB wait already.
    /// - Throws: ``ServerError`` with code `peerGone`, `closed`, `bufferTooOld` or `writeFailed`, for this and all
    ///   later writes; `CancellationError` when the task is cancelled while it waits for room: the bytes are kept and
    ///   will be sent.
    public func write(_ bytes: some Collection<UInt8> & Sendable) async throws {
        try await socket.loop.perform { Result { () throws(ServerError) in try self.accept(bytes) } }.get()
        if await socket.loop.perform({ self.buffer.count <= Self.highWater }) {
            return await socket.yieldAfterTurn()
        }
        try await wait { self.buffer.count <= Self.highWater }
    }

    /// Gives a text to the peer, as UTF-8.
    /// - Throws: as ``write(_:)``.
    public func write(_ text: String) async throws { try await write(Array(text.utf8)) }

    /// Waits until the system has taken all bytes.
    /// - Throws: as ``write(_:)``.
    public func flush() async throws { try await wait { self.buffer.count == 0 } }

    /// Takes no more bytes, sends what waits, within the close deadline, and tells the peer that this was all.
    ///
    /// Returns when that is done, or cannot be done. Harmless when repeated; the socket stays open for the reader.
    public func close() async {
        await socket.loop.perform { self.beginClose() }
        await closeFinished()
    }

    /// Returns when the writer is closed, without closing it.
    public func closeFinished() async { await changed.wait { self.phase == .closed } }

    /// Returns when the peer does not take bytes any more, as far as a write has shown: `consumer_left`.
    ///
    /// Returns too when the writer has failed otherwise or is closed.
    public func consumerLeft() async { await changed.wait { self.failure != nil || self.phase == .closed } }

    /// How old the oldest waiting byte may become: may be changed at any time; `set_buffer_age_limit`.
    public func setBufferAgeLimit(_ limit: BufferAgeLimit) async {
        await socket.loop.perform { self.ageLimit = limit }
    }

    /// Has a peer that lets bytes become too old count as one that has gone, code `peerGone` instead of `bufferTooOld`.
    ///
    /// So it is no handler's failure: for handlers that are known not to be at fault.
    package func countStalledPeerAsGone() async { await socket.loop.perform { self.stalledPeerIsGone = true } }

    private func wait(until isTrue: @escaping @Sendable () -> Bool) async throws {
        guard await changed.wait(until: { isTrue() || self.failure != nil }) else { throw CancellationError() }
        if let failure = await socket.loop.perform({ self.failure }) { throw failure }
    }

    // MARK: On the loop

    private func accept(_ bytes: some Collection<UInt8>) throws(ServerError) {
        if let failure { throw failure }
        guard phase == .open else {
            throw ServerError(.closed, "cannot write to \(socket.peer): the writer is closed")
        }
        buffer.append(bytes, at: socket.loop.now)
        send()
        if let failure { throw failure }
    }

    private func send() {
        guard !isWaitingForRoom else { return }
        while buffer.count > 0, failure == nil {
            // A peer that takes all at once must not keep the loop for itself.
            guard socket.bytesLeftThisTurn > 0 else { return waitForTurn() }
            switch socket.sendNow(buffer.next.prefix(socket.bytesLeftThisTurn)) {
            case .success(let count):
                buffer.removeFirst(count)
            case .failure(.wouldBlock):
                return waitForRoom()
            case .failure(let error):
                fail(with: error)
            }
        }
        changed.signal()
        if phase == .closing { finishClose() }
    }

    private func waitForTurn() {
        isWaitingForRoom = true
        ages.watch(self)
        socket.inNextTurn {
            self.isWaitingForRoom = false
            self.send()
        }
    }

    private func waitForRoom() {
        isWaitingForRoom = true
        ages.watch(self)
        socket.whenWritable { outcome in
            self.isWaitingForRoom = false
            guard outcome == .ready else { return self.fail(with: .badFileDescriptor) }
            self.send()
        }
    }

    private func fail(with errno: Errno) { fail(ServerError(writingTo: socket.peer, errno)) }

    private func fail(_ error: ServerError) {
        guard failure == nil else { return }
        failure = error
        buffer.removeAll()
        changed.signal()
        onFailure?(error)
        if phase == .closing { finishClose() }
    }

    /// Looks at the age of the oldest byte; the limit must be exceeded.
    /// - Returns: whether there is anything to look at again.
    func checkAge(at now: Duration) -> Bool {
        guard let oldest = buffer.oldest else { return false }
        guard case .atMost(let limit) = ageLimit, now - oldest > limit else { return true }
        fail(
            ServerError(
                stalledPeerIsGone ? .peerGone : .bufferTooOld,
                "bytes have waited for more than \(limit) to be written to \(socket.peer); it does not read them"))
        return false
    }

    private func beginClose() {
        guard phase == .open else { return }
        phase = .closing
        guard buffer.count > 0, failure == nil else { return finishClose() }
        let timer = socket.loop.schedule(after: closeDeadline) { self.finishClose() }
        closeTimer = timer
    }

    private var closeTimer: LoopTimer?

    private func finishClose() {
        guard phase == .closing else { return }
        phase = .closed
        closeTimer?.cancel()
        closeTimer = nil
        if failure == nil { socket.shutdownWriting() }
        if buffer.count > 0, failure == nil {
            failure = ServerError(
                .closed,
                "cannot write to \(socket.peer): the writer was closed, and not all bytes got out within \(closeDeadline)"
            )
        }
        buffer.removeAll()
        changed.signal()
    }
}
