// SPDX-License-Identifier: Apache-2.0
// The two ways of a connection between a socket and the standard input and output, until the socket's end.

internal import Descriptors
internal import Glibc
internal import SystemPackage

/// Copies what comes from an input to a socket, and from the socket to an output.
///
/// It is guaranteed that neither way waits for the other: a peer who does not read keeps nobody from reading what the
/// peer says, nor does an output that takes nothing keep the peer from being sent the input.
struct Relay {
    /// Where bytes for the peer come from.
    private let input: CInt
    /// Where bytes from the peer go to.
    private let output: CInt
    /// The service at the other end, for messages.
    private let service: String
    /// What has been read from the input and not been sent.
    private var unsent: ArraySlice<UInt8> = []
    /// What has been received and not been written to the output.
    private var unwritten: ArraySlice<UInt8>
    private var hasInput = true
    private var hasPeer = true

    /// A relay that has copied nothing yet, and begins with `received`, which the peer has said already.
    init(input: CInt, output: CInt, service: String, received: ArraySlice<UInt8>) {
        self.input = input
        self.output = output
        self.service = service
        unwritten = received
    }

    /// Copies until the peer has closed the connection and all that it said is written.
    ///
    /// When the input ends the peer is told so, after the last of its bytes.
    mutating func run(_ socket: borrowing Descriptor) throws(Failure) {
        while hasPeer || !unwritten.isEmpty {
            let ready = try wait(socket)
            if ready.output { try write() }
            if ready.input { try read() }
            try failing("the connection to service \"\(service)\" broke", "see serverd's log") { relay throws(Errno) in
                if ready.input, !relay.hasInput { try socket.finishSending() }
                if ready.peerSays { try relay.receive(socket) }
                if !relay.unsent.isEmpty { try relay.send(socket) }
            }
        }
    }

    /// Waits for something that can be done.
    ///
    /// Each way holds one piece: what it comes from is left alone until that has gone on.
    private func wait(
        _ socket: borrowing Descriptor
    ) throws(Failure) -> (input: Bool, peerSays: Bool, output: Bool) {
        let said = hasPeer && unwritten.isEmpty ? POLLIN : 0
        let events = Int16(said | (unsent.isEmpty ? 0 : POLLOUT))
        // Of a descriptor that is watched for nothing, poll(2) would tell its end again and again.
        var polled = [
            pollfd(fd: events == 0 ? -1 : socket.use(\.self), events: events, revents: 0),
            pollfd(fd: hasInput && unsent.isEmpty ? input : -1, events: Int16(POLLIN), revents: 0),
            pollfd(fd: unwritten.isEmpty ? -1 : output, events: Int16(POLLOUT), revents: 0),
        ]
        do throws(Errno) {
            _ = try Errno.retryingInterrupts { Int(poll(&polled, nfds_t(polled.count), -1)) }
        } catch {
            throw Failure(status: .failed, message: "cannot wait for input: \(error.textWithName)")
        }
        let peerSays = said != 0 && Int32(polled[0].revents) & (POLLIN | POLLHUP | POLLERR) != 0
        return (polled[1].revents != 0, peerSays, polled[2].revents != 0)
    }

    private mutating func read() throws(Failure) {
        try failing("cannot read the standard input", "the connection is closed") { relay throws(Errno) in
            var buffer = [UInt8](repeating: 0, count: 64 << 10)
            let input = relay.input
            let count = try Errno.retryingInterrupts {
                buffer.withUnsafeMutableBytes { Glibc.read(input, $0.baseAddress, $0.count) }
            }
            relay.unsent = buffer.prefix(count)
            relay.hasInput = count > 0
        }
    }

    private mutating func write() throws(Failure) {
        try failing("cannot write to the standard output", "the connection is closed") { relay throws(Errno) in
            // Whoever is ready has room for so many, and takes them without having us wait; see pipe(7).
            let piece = relay.unwritten.prefix(Int(PIPE_BUF))
            let output = relay.output
            relay.unwritten = relay.unwritten.dropFirst(
                try Errno.retryingInterrupts {
                    piece.withUnsafeBytes { Glibc.write(output, $0.baseAddress, $0.count) }
                })
        }
    }

    private mutating func receive(_ socket: borrowing Descriptor) throws(Errno) {
        do throws(Errno) {
            unwritten = try socket.receive()[...]
            hasPeer = !unwritten.isEmpty
        } catch .connectionReset {
            // It closes without having read all: its way of ending.
            hasPeer = false
        }
    }

    private mutating func send(_ socket: borrowing Descriptor) throws(Errno) {
        do throws(Errno) {
            unsent = unsent.dropFirst(try socket.send(unsent, waiting: false))
        } catch let error where error == .brokenPipe || error == .connectionReset {
            // The peer reads no more; what it has said before is still to be received.
            unsent = []
            hasInput = false
        }
    }

    /// Does something that others may have made impossible for the moment: descriptors are shared, and so is whether
    /// they wait.
    private mutating func failing(
        _ what: String, _ advice: String, _ body: (inout Relay) throws(Errno) -> Void
    ) throws(Failure) {
        do throws(Errno) {
            try body(&self)
        } catch .wouldBlock {
            return
        } catch {
            throw Failure(status: .failed, message: "\(what): \(error.textWithName); \(advice)")
        }
    }
}
