// SPDX-License-Identifier: Apache-2.0
// What tests of connections share: clients of a server, a connected pair, and a look at a socket without reading.

internal import CLinux
internal import Descriptors
package import EventLoops
internal import Glibc
internal import Policy
package import SocketServer
package import Sockets
internal import Synchronization
package import SystemPackage

extension Server {
    /// A new client of this server, connected when it returns.
    /// - Throws: as ``TestClient/connect(to:on:)``; `ECONNREFUSED` after close.
    package func newClient(on loop: EventLoop) throws(Errno) -> TestClient {
        try TestClient.connect(to: listeningOnAddress, on: loop)
    }

    /// All that a new client, who sends nothing, is sent until the end of its connection.
    /// - Throws: as ``newClient(on:)``, and what recv(2) says.
    package func answer(on loop: EventLoop) async throws -> [UInt8] {
        try await TestClient.connect(to: listeningOnAddress, on: loop).answer()
    }
}

extension Server {
    /// Waits until a new client is refused, which it should be after close.
    ///
    /// Not an expectation of the first try: a process that another test starts has a copy of every descriptor until its
    /// exec, and a listening socket that is closed but not shut down listens for as long. Only for a name that nobody
    /// else takes.
    package func untilClientsAreRefused(on loop: EventLoop) async throws(Errno) {
        while true {
            do {
                await (try newClient(on: loop)).close()
                await settle(loop)
            } catch {
                guard error == .connectionRefused else { throw error }
                return
            }
        }
    }
}

private let names = Atomic(0)

/// A name in the abstract namespace that no other test has.
///
/// On a Unix socket the peer sees a close at once, without a network in between.
package func uniqueName() -> String {
    "serverd-test-\(getpid())-\(names.add(1, ordering: .relaxed).newValue)"
}

/// Two ends of one connection: a socket as a server has it, and a client.
package func makeConnectedPair(on loop: EventLoop) -> (server: ConnectedSocket, client: TestClient) {
    var numbers: [CInt] = [0, 0]
    // Close-on-exec at once: other tests start processes meanwhile.
    let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
    let result = socketpair(AF_UNIX, type, 0, &numbers)
    precondition(result == 0, "socketpair: \(String(cString: strerror(errno)))")
    let sockets = numbers.map { number in
        ConnectedSocket(AcceptedConnection(descriptor: number, peer: .unix(.unnamed)), localAddress: nil, on: loop)
    }
    return (sockets[0], TestClient(sockets[1]))
}

extension ConnectedSocket {
    /// Writes zeros until the system takes no more, and returns how many it took.
    ///
    /// Only on the loop.
    package func fillSendBuffer() -> Int {
        var total = 0
        while case .success(let count) = sendNow([UInt8](repeating: 0, count: 65_536)[...]) { total += count }
        return total
    }

    /// A second descriptor of the socket, as another process would have it; `nil` when it is closed.
    ///
    /// Only on the loop.
    package func duplicate() -> OwnedDescriptor? {
        withDescriptor { OwnedDescriptor(Descriptor(adopting: clinux_duplicate($0, 0))) }
    }
}

extension TestClient {
    /// What a read would find.
    package enum Pending: Equatable, Sendable {
        case nothing, bytes, end
        case failure(Errno)
    }

    /// What a read would find now, without reading.
    ///
    /// Only on the loop.
    package var pending: Pending {
        let found = socket.withDescriptor { number -> Pending in
            var byte: UInt8 = 0
            let count = recv(number, &byte, 1, CInt(MSG_PEEK) | CInt(MSG_DONTWAIT))
            guard count < 0 else { return count == 0 ? .end : .bytes }
            let error = Errno(rawValue: errno)
            return error == .wouldBlock ? .nothing : .failure(error)
        }
        return found ?? .failure(.badFileDescriptor)
    }
}
