// SPDX-License-Identifier: Apache-2.0
// The standard error of all handlers of one service: one pair of datagram sockets, read by line and by connection.

internal import CLinux
internal import Descriptors
package import EventLoops
internal import Glibc
package import SystemPackage

/// What the handlers of one service write to their standard error.
///
/// Every write arrives as one datagram with the pid of its writer, who may be gone by then. The line belongs to the
/// connection of that process, or of its session's leader; if neither is known, to the service only. A reader that is
/// too slow holds a writer up for at most ``writeTimeout`` a write; what cannot be written then is lost to the handler.
///
/// All of it only on the loop. It must be closed before it is dropped.
// Safe: every method proves that it runs on the loop's thread.
package final class StandardErrorChannel: @unchecked Sendable {
    /// How long a handler's write waits for room.
    package static let writeTimeout: Duration = .milliseconds(20)
    /// How much is read in one turn of the loop.
    package static let bytesPerTurn = 256 * 1024

    private static let capacity: CInt = 1024 * 1024
    private static let longestDatagram = 64 * 1024
    private static let datagramsPerTurn = 128
    private static let rememberedEnds = 64
    /// Numbers of processes come back: one that comes back later than this is another's.
    private static let rememberedTime: Duration = .seconds(1)

    /// Where handlers write.
    package let sink: StandardErrorSink
    /// Bytes of writes that were longer than 64 KiB, beyond that length.
    package private(set) var lostBytes: UInt64 = 0

    private let loop: EventLoop
    private let lookUp: (Int32) -> UInt64?
    private let deliver: (StandardErrorLine) -> Void
    private var reading: Descriptor?
    private var writing: Descriptor?
    private var watch: DescriptorWatch?
    private var joiner = LineJoiner()
    private var ended: [(leader: Int32, connection: UInt64, at: Duration)] = []
    private var nextEnded = 0

    /// Makes the pair and begins to read.
    /// - Parameters:
    ///   - lookUp: the connection whose handler process has this pid now, if it is one of this service's.
    ///   - deliver: is called for each line, in the order in which the lines were completed.
    /// - Throws: the error of what there was not enough of.
    package init(
        on loop: EventLoop, lookUp: @escaping (Int32) -> UInt64?, deliver: @escaping (StandardErrorLine) -> Void
    ) throws(Errno) {
        loop.preconditionOnLoop()
        var ends: (CInt, CInt) = (-1, -1)
        let made = withUnsafeMutableBytes(of: &ends) {
            clinux_datagram_pair($0.assumingMemoryBound(to: CInt.self).baseAddress)
        }
        _ = try SystemCall.check(made)
        let reading = Descriptor(adopting: ends.0)
        let writing = Descriptor(adopting: ends.1)
        _ = try SystemCall.check(clinux_datagram_reader(ends.0))
        let timeout = Self.writeTimeout / .microseconds(1)
        _ = try SystemCall.check(clinux_datagram_writer(ends.1, Int64(timeout), Self.capacity))
        self.loop = loop
        self.lookUp = lookUp
        self.deliver = deliver
        self.reading = consume reading
        self.writing = consume writing
        sink = StandardErrorSink(lending: ends.1)
        watch = DescriptorWatch(ends.0, for: .read, on: loop) { [unowned self] _ in self.read() }
    }

    /// A connection's handler has ended: its unfinished lines are delivered, and what is still on its way keeps its
    /// connection although ``init(on:lookUp:deliver:)``'s `lookUp` does not know it any more.
    package func connectionEnded(_ connection: UInt64, leader: Int32) {
        loop.preconditionOnLoop()
        if ended.count < Self.rememberedEnds {
            ended.append((leader, connection, loop.now))
        } else {
            ended[nextEnded] = (leader, connection, loop.now)
            nextEnded = (nextEnded + 1) % Self.rememberedEnds
        }
        joiner.flush(where: { $0.connection == connection }, to: deliver)
    }

    /// Reads what is there, delivers every unfinished line, and closes both ends.
    ///
    /// Handlers that still write get ECONNREFUSED, and no signal. Harmless when repeated.
    package func close() {
        loop.preconditionOnLoop()
        if reading != nil { read() }
        watch?.cancel()
        watch = nil
        joiner.flush(where: { _ in true }, to: deliver)
        reading.take()?.close()
        writing.take()?.close()
    }

    private func read() {
        withUnsafeTemporaryAllocation(byteCount: Self.longestDatagram, alignment: 1) { buffer in
            var left = Self.bytesPerTurn
            for _ in 0..<Self.datagramsPerTurn where left > 0 {
                var pid: Int32 = 0
                let length = reading?.use { clinux_receive_from_pid($0, buffer.baseAddress, buffer.count, &pid) } ?? -1
                guard length >= 0 else { return }
                let size = min(length, buffer.count)
                lostBytes += UInt64(length - size)
                left -= size
                take(UnsafeRawBufferPointer(rebasing: buffer[..<size]), from: pid)
            }
        }
    }

    private func take(_ piece: UnsafeRawBufferPointer, from pid: Int32) {
        if let connection = lookUp(pid) {
            joiner.add(piece, from: pid, of: connection, to: deliver)
        } else if let connection = endedConnection(pid) {
            joiner.add(piece, from: pid, of: connection, to: deliver)
            // Nothing comes after it that could finish its line.
            joiner.flush(where: { $0.pid == pid }, to: deliver)
        } else {
            // 0: a writer from outside our pid namespace, and getsid's word for ourselves.
            let leader = pid > 0 ? getsid(pid) : 0
            let connection = leader > 0 ? lookUp(leader) ?? endedConnection(leader) : nil
            joiner.add(piece, from: pid, of: connection, to: deliver)
        }
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
