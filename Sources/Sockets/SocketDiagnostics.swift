// SPDX-License-Identifier: Apache-2.0
// Looks at TCP streams whose descriptors other processes hold, and ends them, by the kernel's NETLINK_SOCK_DIAG.

internal import CLinux
internal import Descriptors
package import EventLoops
internal import Glibc
package import Policy
package import SystemPackage

/// Why the kernel does not answer, or does not do, what was asked of it.
package enum SocketDiagnosisFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// There is no such stream any more (ENOENT).
    case notFound
    /// The daemon may not (EPERM): to end a stream it needs CAP_NET_ADMIN.
    case notPermitted
    /// The kernel cannot (EOPNOTSUPP): it was built without INET_DIAG_DESTROY, or knows no sock_diag at all.
    case notSupported
    /// Anything else.
    case failed(Errno)

    fileprivate init(_ error: Errno) {
        self =
            switch error {
            case .noSuchFileOrDirectory: .notFound
            case .notPermitted, .permissionDenied: .notPermitted
            case .notSupportedOnSocket, .addressFamilyNotSupported, .protocolNotSupported: .notSupported
            default: .failed(error)
            }
    }

    /// The reason in words.
    package var description: String {
        switch self {
        case .notFound: "the stream has ended"
        case .notPermitted: "not permitted; ending a stream needs the capability CAP_NET_ADMIN"
        case .notSupported: "this kernel cannot do it; ending a stream needs CONFIG_INET_DIAG_DESTROY"
        case .failed(let error): "the kernel's sock_diag failed: \(error)"
        }
    }
}

/// Questions to the kernel about TCP streams.
///
/// Each makes a netlink socket of its own and waits for nothing: the kernel answers while it is asked.
package enum SocketDiagnostics {
    /// What the kernel says of one stream.
    /// - Throws: `notFound` when it has ended, also if another one has its addresses by now.
    package static func stream(_ identity: StreamIdentity) throws(SocketDiagnosisFailure) -> TCPStream {
        let diagnosis = try open()
        var id = identity.kernelForm
        try check(diagnosis.use { clinux_request_stream($0, &id) })
        guard let found = try receive(from: diagnosis).streams.first else { throw .notFound }
        return found
    }

    /// Ends a stream for every process that holds it: the peer gets a reset, the program reads ECONNABORTED.
    /// - Throws: `notFound` when it has ended already, also if another one has its addresses by now; `notPermitted`
    ///   without CAP_NET_ADMIN; `notSupported` when the kernel was built without it.
    package static func destroy(_ identity: StreamIdentity) throws(SocketDiagnosisFailure) {
        let diagnosis = try open()
        var id = identity.kernelForm
        try check(diagnosis.use { clinux_request_destruction($0, &id) })
        _ = try receive(from: diagnosis)
    }

    /// Whether streams can be ended at all.
    /// - Throws: `notPermitted`, `notSupported`.
    package static func checkDestruction() throws(SocketDiagnosisFailure) {
        let nobody = InetAddress(ip: .v4(0), port: 0)
        do throws(SocketDiagnosisFailure) { try destroy(StreamIdentity(local: nobody, peer: nobody, cookie: 0)) } catch
        {
            if error != .notFound { throw error }
        }
    }

    /// Every stream whose end here is `localPort`, or every stream at all, by its cookie; IPv4 and IPv6 alike.
    ///
    /// It lets the loop turn after each part of the answer, which takes a fraction of a millisecond. A stream that begins
    /// or ends meanwhile may or may not be there.
    package static func streams(
        localPort: UInt16?, on loop: EventLoop
    ) async throws(SocketDiagnosisFailure) -> [UInt64: TCPStream] {
        var dump = try StreamDump(localPort: localPort)
        var streams: [UInt64: TCPStream] = [:]
        while let part = try dump.next() {
            for stream in part { streams[stream.identity.cookie] = stream }
            await loop.yieldTurn()
        }
        return streams
    }

    fileprivate static func open() throws(SocketDiagnosisFailure) -> Descriptor {
        let number = clinux_diagnosis_socket()
        try check(number)
        return Descriptor(adopting: number)
    }

    fileprivate static func check(_ result: CInt) throws(SocketDiagnosisFailure) {
        if result < 0 { throw SocketDiagnosisFailure(Errno(rawValue: errno)) }
    }

    /// The next part of an answer.
    fileprivate static func receive(
        from diagnosis: borrowing Descriptor
    ) throws(SocketDiagnosisFailure) -> (streams: [TCPStream], isLast: Bool) {
        var isLast: CInt = 0
        var failure: SocketDiagnosisFailure?
        let number = diagnosis.use { $0 }
        let streams = withUnsafeTemporaryAllocation(of: clinux_stream.self, capacity: Int(clinux_streams_at_once)) {
            let count = clinux_receive_streams(number, $0.baseAddress, &isLast)
            if count < 0 { failure = SocketDiagnosisFailure(Errno(rawValue: errno)) }
            return $0.prefix(max(0, Int(count))).compactMap(TCPStream.init)
        }
        if let failure { throw failure }
        return (streams, isLast != 0)
    }
}

/// The streams of a port, or all, in parts as the kernel gives them.
///
/// A part costs a fraction of a millisecond; the caller may do other things between two of them, or stop.
package struct StreamDump: ~Copyable {
    private let diagnosis: Descriptor
    private let localPort: UInt16
    /// The family whose answer is being read, as `is_v6`; 2 is the end.
    private var family: CInt = 0

    /// Asks for the streams whose end here is `localPort`, or for all.
    package init(localPort: UInt16?) throws(SocketDiagnosisFailure) {
        self.localPort = localPort ?? 0
        let made = try SocketDiagnostics.open()
        try Self.request(made, family, self.localPort)
        diagnosis = made
    }

    /// The next streams, perhaps none; `nil` at the end.
    package mutating func next() throws(SocketDiagnosisFailure) -> [TCPStream]? {
        guard family < 2 else { return nil }
        let (streams, isLast) = try SocketDiagnostics.receive(from: diagnosis)
        if isLast {
            family += 1
            if family < 2 { try Self.request(diagnosis, family, localPort) }
        }
        return streams
    }

    private static func request(
        _ diagnosis: borrowing Descriptor, _ family: CInt, _ localPort: UInt16
    ) throws(SocketDiagnosisFailure) {
        try SocketDiagnostics.check(diagnosis.use { clinux_request_streams($0, family, localPort) })
    }
}

extension ConnectedSocket {
    /// By what the kernel will know the stream when the descriptor here is closed.
    ///
    /// `nil` for a Unix socket, and for one that is closed. Only on the loop.
    package var streamIdentity: StreamIdentity? {
        guard case .inet(let peer) = peer, case .inet(let local) = localAddress else { return nil }
        var cookie: UInt64 = 0
        guard withDescriptor({ clinux_socket_cookie($0, &cookie) }) == 0 else { return nil }
        return StreamIdentity(local: local, peer: peer, cookie: cookie)
    }
}
