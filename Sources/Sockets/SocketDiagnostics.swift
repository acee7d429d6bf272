// SPDX-License-Identifier: Apache-2.0
// What the kernel tells of sockets by NETLINK_SOCK_DIAG: of TCP streams that other processes hold, and of listeners.

internal import CLinux
package import Descriptors
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

/// Questions to the kernel about sockets.
///
/// They wait for nothing: the kernel answers while it is asked.
package final class SocketDiagnostics {
    /// How many streams can be looked at in one call, which takes a tenth of a millisecond then.
    package static let streamsAtOnce = Int(clinux_streams_at_once)

    private let diagnosis: Descriptor

    /// Makes the netlink socket that the questions go through.
    package init() throws(SocketDiagnosisFailure) {
        let number = clinux_diagnosis_socket()
        try Self.check(number)
        diagnosis = Descriptor(adopting: number)
    }

    /// What the kernel says of each of these streams, of which there are at most ``streamsAtOnce``; `nil` of one that has
    /// ended.
    ///
    /// After a throw answers may be left over: no more may be asked.
    package func streams(_ identities: [StreamIdentity]) throws(SocketDiagnosisFailure) -> [TCPStream?] {
        let ids = identities.map(\.kernelForm)
        let count = CUnsignedInt(ids.count)
        var answers = [clinux_stream](repeating: clinux_stream(), count: ids.count)
        try Self.check(diagnosis.use { clinux_look_at_streams($0, ids, count, &answers) })
        return answers.map(TCPStream.init)
    }

    /// How many connections to a port have begun and are not yet in the queue of who listens there.
    func halfOpenConnections(to port: UInt16) throws(SocketDiagnosisFailure) -> Int {
        let count = diagnosis.use { clinux_count_half_open($0, port) }
        try Self.check(count)
        return Int(count)
    }

    /// How many connections wait in the queue of a listening Unix socket.
    func queueLength(ofUnixListener listener: CInt) throws(SocketDiagnosisFailure) -> Int {
        let count = diagnosis.use { clinux_count_unix_queue($0, listener) }
        try Self.check(count)
        return Int(count)
    }

    /// Whether a Unix socket of this network namespace listens on a file.
    func isListenedOn(_ file: stat) throws(SocketDiagnosisFailure) -> Bool {
        var file = file
        let count = diagnosis.use { clinux_count_unix_listeners($0, &file) }
        try Self.check(count)
        return count > 0
    }

    /// What the kernel says of one stream.
    /// - Throws: `notFound` when it has ended, also if another one has its addresses by now.
    package static func stream(_ identity: StreamIdentity) throws(SocketDiagnosisFailure) -> TCPStream {
        guard let found = try SocketDiagnostics().streams([identity]).first ?? nil else { throw .notFound }
        return found
    }

    /// Ends a stream for every process that holds it: the peer gets a reset, the program reads ECONNABORTED.
    ///
    /// `call` asks the kernel.
    /// - Throws: `notFound` when it has ended already, also if another one has its addresses by now; `notPermitted`
    ///   without CAP_NET_ADMIN; `notSupported` when the kernel was built without it.
    package static func destroy(
        _ identity: StreamIdentity, by call: SystemCall<StreamIdentity, Void> = .destroyStream
    ) throws(SocketDiagnosisFailure) {
        do throws(Errno) { try call(identity).get() } catch { throw SocketDiagnosisFailure(error) }
    }

    /// Whether streams can be ended at all, by `call`.
    /// - Throws: `notPermitted`, `notSupported`.
    package static func checkDestruction(
        by call: SystemCall<StreamIdentity, Void> = .destroyStream
    ) throws(SocketDiagnosisFailure) {
        let nobody = InetAddress(ip: .v4(0), port: 0)
        let stream = StreamIdentity(local: nobody, peer: nobody, cookie: 0)
        do throws(SocketDiagnosisFailure) { try destroy(stream, by: call) } catch {
            if error != .notFound { throw error }
        }
    }

    private static func check(_ result: CInt) throws(SocketDiagnosisFailure) {
        if result < 0 { throw SocketDiagnosisFailure(Errno(rawValue: errno)) }
    }
}

extension SystemCall where Input == StreamIdentity, Output == Void {
    /// The real SOCK_DESTROY.
    package static var destroyStream: Self {
        SystemCall { identity in
            Result { () throws(Errno) in
                let diagnosis = Descriptor(adopting: try Errno.check(clinux_diagnosis_socket()))
                var id = identity.kernelForm
                try diagnosis.use { number throws(Errno) in _ = try Errno.check(clinux_destroy_stream(number, &id)) }
            }
        }
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
