// SPDX-License-Identifier: Apache-2.0
// What a recorded list of a server's events says, and the handler that most tests serve with.

package import SocketServer
package import Sockets

extension [ServerEvent] {
    /// How many connections were accepted and counted.
    package var accepted: Int { count { if case .connectionAccepted = $0 { true } else { false } } }
    /// How many connections have ended.
    package var ended: Int { count { if case .connectionEnded = $0 { true } else { false } } }
    /// How many were closed at once.
    package var refused: Int { count { if case .connectionRefused = $0 { true } else { false } } }
    /// How often the limit was told.
    package var limitTold: Int { count { if case .atConnectionLimit = $0 { true } else { false } } }
    /// The errors of accept for single clients.
    package var acceptFailures: [Int32] { compactMap { if case .acceptFailed(let errno) = $0 { errno } else { nil } } }
    /// The pauses that were told: the error, and how many failures there were since the one told before.
    package var pauses: [AcceptPause] {
        compactMap {
            guard case .acceptPaused(let errno, let failures, let duration) = $0 else { return nil }
            return AcceptPause(errno: errno, failures: failures, retryAfter: duration)
        }
    }
}

/// One `acceptPaused` event, comparable.
package struct AcceptPause: Equatable {
    /// The error.
    package let errno: Int32
    /// How many failures it tells of.
    package let failures: Int
    /// When accepting is tried again.
    package let retryAfter: Duration

    /// A pause to compare with.
    package init(errno: Int32, failures: Int, retryAfter: Duration) {
        self.errno = errno
        self.failures = failures
        self.retryAfter = retryAfter
    }
}

/// A handler that greets with one byte, and stays until the client says no more.
package func greetAndStay(_ socket: ConnectedSocket) async throws {
    _ = socket.sendNow([UInt8(ascii: "+")])
    while try await !socket.receive(upTo: 1024).isEmpty {}
}

extension TestClient {
    /// Waits for the greeting of ``greetAndStay(_:)``.
    /// - Returns: false when the connection ends without it.
    package func isGreeted() async -> Bool { (try? await read(1)) == [UInt8(ascii: "+")] }
}

extension Server where Address == InetAddress, ListeningOn == UInt16 {
    /// Where a client of this machine finds it over IPv4.
    package var loopback: SocketAddress { .loopback(port: listeningOn) }
}
