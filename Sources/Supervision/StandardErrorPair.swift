// SPDX-License-Identifier: Apache-2.0
// One pair of datagram sockets: handlers write to one end, whoever they are, and the channel reads the other.

internal import CLinux
internal import Descriptors
internal import EventLoops
internal import Glibc
internal import Policy
internal import SystemPackage

/// The two ends.
///
/// Only on the loop. It must be closed before it is dropped.
final class StandardErrorPair {
    private static let capacity: CInt = 1024 * 1024

    /// Where handlers write.
    let sink: StandardErrorSink
    private let options: clinux_writer_options
    private let refusesDescriptors: Bool
    private var reading: Descriptor?
    private var writing: Descriptor?
    private var watch: DescriptorWatch?

    /// Makes the ends.
    /// - Throws: the error of what there was not enough of.
    convenience init() throws(Errno) {
        var ends: (CInt, CInt) = (-1, -1)
        let made = withUnsafeMutableBytes(of: &ends) {
            clinux_datagram_pair($0.assumingMemoryBound(to: CInt.self).baseAddress)
        }
        _ = try SystemCall.check(made)
        try self.init(StandardErrorEnds(reading: Descriptor(adopting: ends.0), writing: Descriptor(adopting: ends.1)))
    }

    /// Takes over the ends that another one has had; what was written meanwhile is in them.
    /// - Throws: the error of what is no such end; then they are closed.
    init(_ ends: consuming StandardErrorEnds) throws(Errno) {
        let (reader, writer) = (ends.reading.use { $0 }, ends.writing.use { $0 })
        _ = try SystemCall.check(clinux_datagram_reader(reader))
        let timeout = StandardErrorChannel.writeTimeout.wholeMicroseconds
        _ = try SystemCall.check(clinux_datagram_writer(writer, timeout, Self.capacity))
        var options = clinux_writer_options()
        _ = try SystemCall.check(clinux_datagram_writer_options(writer, &options))
        self.options = options
        let (read, write) = (ends.reading.release(), ends.writing.release())
        reading = Descriptor(adopting: read)
        writing = Descriptor(adopting: write)
        refusesDescriptors = clinux_refuses_descriptors(reader) != 0
        sink = StandardErrorSink(lending: writer)
    }

    /// The numbers of both ends, lent; nil once one was given up.
    var numbers: (reading: CInt, writing: CInt)? {
        guard let reader = reading?.use({ $0 }), let writer = writing?.use({ $0 }) else { return nil }
        return (reader, writer)
    }

    /// Calls `action` in every turn in which there is something to read.
    /// - Throws: the error of the system that takes no more descriptors to wait for.
    func whenReadable(
        on loop: EventLoop, by beginWatching: SystemCall<DescriptorWatch, Void>,
        _ action: @escaping (StandardErrorPair) -> Void
    ) throws(Errno) {
        guard let number = reading?.use({ $0 }) else { return }
        let watch = DescriptorWatch(number, on: loop) { [unowned self] _ in action(self) }
        try beginWatching(watch).get()
        self.watch = watch
    }

    /// Takes one datagram and its writer's pid: its whole length, of which what did not fit is lost; negative when there
    /// is none.
    func receive(_ buffer: UnsafeMutableRawBufferPointer, from pid: inout Int32) -> Int {
        reading?.use { clinux_receive_from_pid($0, buffer.baseAddress, buffer.count, &pid) } ?? -1
    }

    /// What was done to the writing end; nil when it is as it was made.
    var damage: StandardErrorReceiver.Damage? {
        let damage = writing?.use { [options] number in
            withUnsafePointer(to: options) { clinux_datagram_writer_damage(number, $0) }
        }
        return switch damage {
        case CLINUX_WRITER_PEER: .disconnected
        case CLINUX_WRITER_SHUTDOWN: .shutDown
        case CLINUX_WRITER_BUFFER: .buffer
        case CLINUX_WRITER_TIMEOUT: .timeout
        default: nil
        }
    }

    /// Gives our writing end up: what handlers hold of it goes on.
    func retire() { writing.take()?.close() }

    /// Whether nobody has the writing end any more.
    var isAbandoned: Bool { reading?.use { clinux_datagram_writers_gone($0) != 0 } ?? true }

    /// Closes both ends.
    ///
    /// Handlers that still write get ECONNREFUSED, and no signal. Harmless when repeated.
    func close() {
        watch?.cancel()
        watch = nil
        retire()
        guard let reading = reading.take() else { return }
        guard !refusesDescriptors else { return reading.close() }
        // Descriptors may have been sent that were not received.
        clinux_close_elsewhere([reading.release()], 1)
    }
}
