// SPDX-License-Identifier: Apache-2.0
// Lists of connections that take many replies, at the sizes at which replies and portions are full.

import Glibc
import ManagerInterface
import Sockets
import TestSupport
import Testing

@testable import Daemon

@Suite("long lists of connections", .timeLimit(.minutes(5)))
struct LongListTests {
    /// The sizes around those at which a reply, a portion, and all portions that are ahead are full.
    private static let sizes = [
        ServiceManager.elementsPerReply, ServiceManager.connectionsAtOnce,
        ServiceManager.connectionsAtOnce * (ServiceManager.portionsAhead + 1),
    ].flatMap { [$0 - 1, $0, $0 + 1] }

    @Test("every connection is told once, in order, and only the last reply is complete")
    func sizes() async throws {
        let endpoint = try Endpoint()
        let most = Self.sizes.max() ?? 0
        try await ConnectTests.run([service(on: endpoint, maxConnections: most)]) { path, services in
            var peers: [TestClient] = []
            for size in Self.sizes {
                while peers.count < size {
                    let peer = try endpoint.connect(services, sending: "x")
                    #expect(try await peer.read(2) == Array("x\n".utf8))
                    peers.append(peer)
                }
                for usage in [true, false] {
                    let replies = try await Self.replies(more: true, usage: usage, path, services)
                    #expect(replies.flatMap(Self.ids) == Array(1...UInt64(size)), "usage: \(usage)")
                    #expect(replies.allSatisfy { Self.ids($0).count <= ServiceManager.elementsPerReply })
                    let isComplete = replies.map { $0.contains(#""complete":true"#) }
                    #expect(isComplete == Array(repeating: false, count: replies.count - 1) + [true])
                    #expect(replies.allSatisfy { !$0.contains("removed") })
                    let whole = try await Self.replies(more: false, usage: usage, path, services)
                    #expect(whole.count == 1 && whole.flatMap(Self.ids) == Array(1...UInt64(size)))
                }
            }
            for peer in peers { await peer.close() }
            await services.wait { $0.connections == 0 }
        }
    }

    /// The replies to a call, up to the one that is complete.
    private static func replies(
        more: Bool, usage: Bool, _ path: String, _ services: Services
    ) async throws -> [String] {
        let client = try ConnectTests.client(path, services)
        try client.write(
            #"{"method":"io.serverd.Manager.ListConnections","parameters":{"usage":\#(usage)},"more":\#(more)}"# + "\0")
        var text = ""
        while !text.hasSuffix("\0") || !text.contains(#""complete":true"#) {
            let next = try await client.socket.receive(upTo: 65536)
            if next.isEmpty { break }
            text += String(decoding: next, as: UTF8.self)
        }
        await client.close()
        return text.split(separator: "\0").map(String.init)
    }

    private static func ids(_ reply: String) -> [UInt64] {
        reply.split(separator: #""id":"#).dropFirst().compactMap { UInt64($0.prefix { $0.isNumber }) }
    }
}
