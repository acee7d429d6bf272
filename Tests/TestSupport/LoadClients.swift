// SPDX-License-Identifier: Apache-2.0
// Clients on threads of their own, with blocking sockets, that knock on a server until it refuses them.

internal import CLinux
internal import Glibc
package import Policy
internal import Synchronization

/// A storm of clients against one address.
///
/// Each of them connects, sends a byte and waits for its echo, again and again, until a connect is refused.
package final class LoadClients: Sendable {
    /// What became of the clients.
    package struct Tally: Sendable {
        /// Got their echo.
        package var answered = 0
        /// Were connected and got no echo.
        package var lost = 0
    }

    private struct State {
        var tally = Tally()
        var running: Int
    }

    private let state: Mutex<State>
    private let answers = EventLog<Void>()
    private let ended = OneShot<Tally>()
    private static let mostPerThread = 5000

    /// Starts `threads` of them.
    package init(_ threads: Int, against address: SocketAddress) {
        state = Mutex(State(running: threads))
        for _ in 0..<threads {
            startThread { self.run(against: address) }
        }
    }

    /// Waits until `count` clients have got their echo.
    package func wait(forAnswers count: Int) async { await answers.wait { $0.count >= count } }

    /// Waits until every thread was refused.
    package func tally() async -> Tally { await ended.value() }

    private func run(against address: SocketAddress) {
        for _ in 0..<Self.mostPerThread {
            guard let isAnswered = Self.visit(address) else { break }
            state.withLock { state in
                if isAnswered { state.tally.answered += 1 } else { state.tally.lost += 1 }
            }
            answers.append(())
        }
        let final = state.withLock { state -> Tally? in
            state.running -= 1
            return state.running == 0 ? state.tally : nil
        }
        if let final { ended.fulfil(final) }
    }

    /// One client.
    /// - Returns: whether it got its echo; `nil` when it was not connected at all.
    private static func visit(_ address: SocketAddress) -> Bool? {
        var storage = sockaddr_storage()
        let length = TestClient.fill(&storage, with: address)
        let number = clinux_socket(CInt(storage.ss_family), CInt(SOCK_STREAM.rawValue), 0, 0)
        precondition(number >= 0, "socket: \(String(cString: strerror(errno)))")
        defer { close(number) }
        // A safety net: a client that hears nothing for so long is lost.
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        guard clinux_connect(number, &storage, length) == 0 else { return nil }
        var byte = UInt8(ascii: "?")
        guard send(number, &byte, 1, CInt(MSG_NOSIGNAL)) == 1 else { return false }
        return recv(number, &byte, 1, 0) == 1
    }
}
