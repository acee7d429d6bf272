// SPDX-License-Identifier: Apache-2.0
// What a failure of accept(2) means, as a pure function of its errno.

internal import SystemPackage

/// What to do after accept(2) has failed.
enum AcceptFailure: Equatable {
    /// The queue is empty: wait until there is somebody.
    case nobodyThere
    /// One client's fault, or its network's: accept(2) says to treat pending network errors of the new socket like
    /// EAGAIN. Count it and take the next one.
    case peer
    /// Descriptors or memory are exhausted, or something else that retrying at once would turn into a busy loop.
    case pause

    init(_ errno: Errno) {
        switch errno {
        case .wouldBlock, .interrupted:
            self = .nobodyThere
        case .connectionAbort, .protocolError, .networkDown, .protocolNotAvailable, .hostIsDown, .notOnNetwork,
            .noRouteToHost, .notSupportedOnSocket, .networkUnreachable, .timedOut, .connectionReset:
            self = .peer
        default:
            self = .pause
        }
    }
}

extension Errno {
    // swift-system has no name for ENONET.
    fileprivate static let notOnNetwork = Errno(rawValue: 64)
}
