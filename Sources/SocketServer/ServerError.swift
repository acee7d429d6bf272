// SPDX-License-Identifier: Apache-2.0
// The errors of the library.

internal import Descriptors
internal import Policy
package import SystemPackage

/// An error of a server, its readers and its writers.
public struct ServerError: Error, Equatable, Sendable {
    /// What kind of error it is.
    ///
    /// More kinds may come.
    public struct Code: Hashable, Sendable {
        fileprivate enum Kind {
            case invalidOption, cannotListen, peerGone, closed, bufferTooOld, readFailed, writeFailed
        }
        fileprivate let kind: Kind

        /// An option has a value that it may not have; nothing was created.
        public static let invalidOption = Code(kind: .invalidOption)
        /// The socket could not be made to listen; nothing is left of it.
        public static let cannotListen = Code(kind: .cannotListen)
        /// The peer does not take bytes any more.
        ///
        /// It is never a handler's failure: a peer may always leave.
        public static let peerGone = Code(kind: .peerGone)
        /// The connection was closed on this side, by the handler or by the server.
        public static let closed = Code(kind: .closed)
        /// Bytes waited in a writer for longer than the buffer age limit.
        public static let bufferTooOld = Code(kind: .bufferTooOld)
        /// Reading failed for a reason that is not the peer's leaving.
        public static let readFailed = Code(kind: .readFailed)
        /// Writing failed for a reason that is not the peer's leaving.
        public static let writeFailed = Code(kind: .writeFailed)
    }

    /// The kind of error.
    public let code: Code
    /// What was being done, on what, and why it failed.
    ///
    /// It never holds bytes of a connection.
    public let message: String
    /// The number behind a system call's failure, such as `EADDRINUSE`.
    public let errno: Int32?

    package init(_ code: Code, _ message: String, errno: Errno? = nil) {
        self.code = code
        self.message = message
        self.errno = errno?.rawValue
    }
}

extension ServerError {
    /// What a failed write to `peer` means.
    init(writingTo peer: SocketAddress, _ errno: Errno) {
        let what = "cannot write to \(peer)"
        if errno == .badFileDescriptor {
            self.init(.closed, "\(what): the connection is closed")
        } else {
            self.init(errno.meansPeerGone ? .peerGone : .writeFailed, "\(what): \(errno.textWithName)", errno: errno)
        }
    }
}

extension Errno {
    /// Whether a failed read or write says that the peer, or the way to it, is gone.
    var meansPeerGone: Bool {
        switch self {
        case .brokenPipe, .connectionReset, .connectionAbort, .timedOut, .networkDown, .networkUnreachable,
            .networkReset, .noRouteToHost, .hostIsDown, .socketNotConnected:
            true
        // What routers on the way reported before the kernel gave up: icmp_err_convert[] in Linux.
        case .connectionRefused, .protocolError, .protocolNotAvailable: true
        default: false
        }
    }
}

extension ServerError: CustomStringConvertible {
    /// The message.
    public var description: String { message }
}
