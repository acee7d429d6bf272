// SPDX-License-Identifier: Apache-2.0
// The standard error of all handlers of one service: one pair of datagram sockets, read by line and by connection.

package import Descriptors
package import EventLoops
internal import Glibc
package import SystemPackage

/// What the handlers of one service write to their standard error.
///
/// Every write arrives as one datagram with the pid of its writer, who may be gone by then. The line belongs to the
/// connection of that process, or of its session's leader; if neither is known, to the service only. A reader that is
/// too slow holds a writer up for at most ``writeTimeout`` a write; what cannot be written then is lost to the handler.
///
/// All handlers write to one socket, and any of them can spoil it for those that come later. So it is looked at when a
/// handler is to be started, and replaced when it is not what it was; what is written to the old one is still read.
///
/// All of it only on the loop. It must be closed before it is dropped.
// Safe: every method proves that it runs on the loop's thread.
package final class StandardErrorChannel: @unchecked Sendable {
    /// How long a handler's write waits for room.
    package static let writeTimeout: Duration = .milliseconds(20)
    /// How much is read in one turn of the loop, and how many lines of it are delivered.
    ///
    /// The rest of a write with more lines waits for the next turn.
    package static let bytesPerTurn = 64 * 1024
    package static let linesPerTurn = 128
    /// How often the sockets are looked at, at most.
    package static let checkInterval: Duration = .seconds(1)
    /// The numbers of the sockets, lent, to be passed on to another daemon; nil once they are closed.
    package var numbers: (reading: CInt, writing: CInt)? { pair?.numbers }

    /// Delivers the unfinished lines: somebody else will read what follows.
    package func deliverUnfinished() {
        loop.preconditionOnLoop()
        linesLeft = .max
        takeRest()
        joiner.flush(where: { _ in true }, to: receiver.deliver)
    }

    /// How many replaced sockets are still read; of more the oldest is closed.
    package static let retiredLimit = 4

    private static let longestDatagram = 64 * 1024
    private static let datagramsPerTurn = 128
    /// More than wait at a time; somebody may go on writing.
    private static let datagramsAtEnd = 1024
    private static let rememberedEnds = 64
    /// Numbers of processes come back: one that comes back later than this is another's.
    private static let rememberedTime: Duration = .seconds(1)

    /// What is left of a write that had too many lines for one turn.
    private struct Rest {
        var bytes: ArraySlice<UInt8>
        let pid: Int32
        let connection: UInt64?
    }

    private let loop: EventLoop
    private let receiver: StandardErrorReceiver
    private let watch: SystemCall<DescriptorWatch, Void>
    private var pair: StandardErrorPair?
    private var retired: [StandardErrorPair] = []
    private var lastCheck: Duration
    private var joiner = LineJoiner()
    private var rest: Rest?
    private var linesLeft = 0
    private var ended: [(leader: Int32, connection: UInt64, at: Duration)] = []
    private var nextEnded = 0

    /// Makes the sockets, or takes over those of another daemon, and begins to read.
    /// - Parameter watch: how a socket begins to be waited for, for tests.
    /// - Throws: the error of what there was not enough of.
    package init(
        on loop: EventLoop, _ receiver: StandardErrorReceiver, takingOver ends: consuming StandardErrorEnds? = nil,
        watch: SystemCall<DescriptorWatch, Void> = .watchForReading
    ) throws(Errno) {
        loop.preconditionOnLoop()
        self.loop = loop
        self.receiver = receiver
        self.watch = watch
        lastCheck = loop.now
        let pair = if let ends { try StandardErrorPair(ends) } else { try StandardErrorPair() }
        self.pair = pair
        sink = pair.sink
        try begin(pair)
    }

    /// Where handlers write.
    ///
    /// Lent until it is replaced.
    package private(set) var sink: StandardErrorSink

    /// Where a handler that is started now writes: looks at the sockets, and replaces them if need be.
    package func checkedSink() -> StandardErrorSink {
        loop.preconditionOnLoop()
        if loop.now - lastCheck >= Self.checkInterval {
            lastCheck = loop.now
            closeAbandoned()
            replaceIfDamaged()
        }
        return sink
    }

    /// How many replaced sockets are still read, because handlers have them.
    package var replacedCount: Int { retired.count }

    /// A connection's handler has ended: its unfinished lines are delivered, and what is still on its way keeps its
    /// connection although the receiver's `lookUp` does not know it any more.
    package func connectionEnded(_ connection: UInt64, leader: Int32) {
        loop.preconditionOnLoop()
        if ended.count < Self.rememberedEnds {
            ended.append((leader, connection, loop.now))
        } else {
            ended[nextEnded] = (leader, connection, loop.now)
            nextEnded = (nextEnded + 1) % Self.rememberedEnds
        }
        joiner.flush(where: { $0.connection == connection }, to: receiver.deliver)
    }

    /// Reads what is there, delivers every unfinished line, and closes the sockets.
    ///
    /// Handlers that still write get ECONNREFUSED, and no signal. Harmless when repeated.
    package func close() {
        loop.preconditionOnLoop()
        guard let last = pair.take() else { return }
        for pair in retired + [last] { finish(pair) }
        retired = []
        joiner.flush(where: { _ in true }, to: receiver.deliver)
    }

    // MARK: The sockets

    /// Begins to read, or closes the sockets.
    private func begin(_ pair: StandardErrorPair) throws(Errno) {
        do {
            try pair.whenReadable(on: loop, by: watch) { [unowned self] in
                // A rest comes first, in its own time.
                guard rest == nil else { return }
                linesLeft = Self.linesPerTurn
                read($0, atMost: Self.datagramsPerTurn)
            }
        } catch {
            pair.close()
            throw error
        }
    }

    private func replaceIfDamaged() {
        guard let old = pair, let damage = old.damage else { return }
        // What another pair cannot be had without may be there at the next look.
        guard let new = try? StandardErrorPair(), (try? begin(new)) != nil else { return }
        pair = new
        sink = new.sink
        old.retire()
        retired.append(old)
        if retired.count > Self.retiredLimit { finish(retired.removeFirst()) }
        receiver.replaced(damage)
    }

    private func closeAbandoned() {
        guard !retired.isEmpty else { return }
        let abandoned = retired.filter(\.isAbandoned)
        retired.removeAll { pair in abandoned.contains { $0 === pair } }
        for pair in abandoned { finish(pair) }
    }

    /// Reads to the end, and closes.
    private func finish(_ pair: StandardErrorPair) {
        linesLeft = .max
        takeRest()
        read(pair, atMost: Self.datagramsAtEnd)
        pair.close()
    }

    // MARK: Reading

    private func read(_ pair: StandardErrorPair, atMost datagrams: Int) {
        withUnsafeTemporaryAllocation(byteCount: Self.longestDatagram, alignment: 1) { buffer in
            var left = linesLeft == .max ? .max : Self.bytesPerTurn
            for _ in 0..<datagrams where left > 0 && rest == nil {
                var pid: Int32 = 0
                let length = pair.receive(buffer, from: &pid)
                guard length >= 0 else { return }
                let size = min(length, buffer.count)
                if length > size { receiver.lose(length - size) }
                left -= size
                // An empty one is a look at the socket.
                if size > 0 { take(UnsafeRawBufferPointer(rebasing: buffer[..<size]), from: pid) }
            }
        }
    }

    private func take(_ piece: UnsafeRawBufferPointer, from pid: Int32) {
        let connection = lookUp(pid)
        let taken = add(piece, from: pid, of: connection)
        guard taken < piece.count else { return finished(pid, connection) }
        rest = Rest(bytes: Array(piece[taken...])[...], pid: pid, connection: connection)
        continueInNextTurn()
    }

    private func continueInNextTurn() {
        loop.executeInNextTurn { [weak self] in
            guard let self, rest != nil else { return }
            linesLeft = Self.linesPerTurn
            takeRest()
            if rest != nil { continueInNextTurn() }
        }
    }

    private func takeRest() {
        guard let now = rest.take() else { return }
        let taken = now.bytes.withUnsafeBytes { add($0, from: now.pid, of: now.connection) }
        guard taken < now.bytes.count else { return finished(now.pid, now.connection) }
        rest = Rest(bytes: now.bytes.dropFirst(taken), pid: now.pid, connection: now.connection)
    }

    /// Takes as much of a piece as there are lines left in this turn: how many bytes.
    private func add(_ piece: UnsafeRawBufferPointer, from pid: Int32, of connection: UInt64?) -> Int {
        guard receiver.wantsLines() else {
            receiver.count(joiner.count(piece, from: pid, of: connection, to: receiver.deliver))
            return piece.count
        }
        let (bytes, lines) = joiner.add(
            piece, from: pid, of: connection, atMost: linesLeft, to: receiver.deliver)
        linesLeft -= lines
        return bytes
    }

    // After the writer's end nothing comes that could finish its line.
    private func finished(_ pid: Int32, _ connection: UInt64?) {
        guard connection != nil, receiver.lookUp(pid) != connection, endedConnection(pid) == connection else { return }
        joiner.flush(where: { $0.pid == pid }, to: receiver.deliver)
    }

    // MARK: Whose it is

    private func lookUp(_ pid: Int32) -> UInt64? {
        if let connection = receiver.lookUp(pid) ?? endedConnection(pid) { return connection }
        // 0: a writer from outside our pid namespace, and getsid's word for ourselves.
        let leader = pid > 0 ? getsid(pid) : 0
        return leader > 0 ? receiver.lookUp(leader) ?? endedConnection(leader) : nil
    }

    // The latest, for numbers come back.
    private func endedConnection(_ leader: Int32) -> UInt64? {
        let newest = nextEnded == 0 ? ended.count : nextEnded
        let found =
            ended[..<newest].last { $0.leader == leader } ?? ended[newest...].last { $0.leader == leader }
        guard let found, loop.now - found.at <= Self.rememberedTime else { return nil }
        return found.connection
    }
}
