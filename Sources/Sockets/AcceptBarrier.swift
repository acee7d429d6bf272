// SPDX-License-Identifier: Apache-2.0
// Closing a listener without losing who has already connected: the barrier before the last accept.

internal import CLinux
internal import Descriptors
internal import Glibc
internal import Policy

/// What still stands before a listener with its barrier raised may close.
package enum BarrierState: Sendable {
    /// Nobody new can come: once the queue is found empty, nothing is lost by closing.
    case sealed
    /// Clients have begun to connect and will reach the queue, or give up.
    case settling
    /// It cannot be known.
    case unknown
}

extension ListeningSocket {
    /// Keeps new clients out, while those who have begun to connect still reach the queue and can be accepted: over TCP
    /// by a filter that drops SYN (a client tries again, and is refused once the listener is closed), over a Unix
    /// socket by shutdown(2).
    ///
    /// An inherited listener gets no barrier: its queue belongs to the next owner.
    /// - Returns: whether a barrier stands.
    package func raiseBarrier() -> Bool {
        guard !isInherited else { return false }
        return withDescriptor { number in
            switch address {
            case .inet:
                return clinux_drop_new_connections(number) == 0
            case .unix:
                ConnectedSocket.refuseNewConnections(toUnixListener: number)
                return true
            }
        } ?? false
    }

    /// Whether clients are still on their way into the queue, after ``raiseBarrier()``.
    package var barrierState: BarrierState {
        guard case .inet(let inet) = address else { return .sealed }
        do throws(SocketDiagnosisFailure) {
            return try SocketDiagnostics().halfOpenConnections(to: inet.port) == 0 ? .sealed : .settling
        } catch {
            return .unknown
        }
    }

    /// Whether the listener `number` is a Unix one behind its barrier, where poll(2) always finds something to read, and
    /// its queue is empty all the same.
    func isQueueEmptyBehindBarrier(_ number: CInt) -> Bool {
        var question = pollfd(fd: number, events: Int16(clinux_pollrdhup), revents: 0)
        guard case .unix = address, poll(&question, 1, 0) > 0 else { return false }
        do throws(SocketDiagnosisFailure) {
            return try SocketDiagnostics().queueLength(ofUnixListener: number) == 0
        } catch {
            return false
        }
    }
}
