// SPDX-License-Identifier: Apache-2.0
// The moment before another daemon goes on: nobody is accepted, and each connection gets to its program.

internal import EventLoops
internal import Logging
internal import SocketServer

/// What comes before another image or process goes on with the connections of this one.
struct Handover {
    /// How long connections have that are not with a program: then they are ended, and have as long again.
    static let patience = Duration.seconds(5)
    private static let interval = Duration.milliseconds(5)

    private let manager: ServiceManager
    private let holds: Holds

    /// Nothing has happened yet; `holds` tells who accepts nobody, until it is released.
    init(_ manager: ServiceManager, _ holds: Holds) {
        self.manager = manager
        self.holds = holds
    }

    /// Has nobody accepted, and waits until each connection is with a program; the others are ended after a while.
    ///
    /// - Returns: how many were ended, and how many could not be.
    func finish() async -> (ended: Int, left: Int) {
        let loop = manager.context.loop
        let deadline = loop.now + Self.patience
        var ended: Set<UInt64> = []
        while true {
            await manager.hold(by: holds)
            let left = await manager.connectionsOfOurs
            if left.isEmpty || loop.now >= deadline + Self.patience { return (ended.count, left.count) }
            if loop.now >= deadline { end(left, &ended) }
            // Looked at again and again: to be told would be work for every connection, for the sake of this moment.
            // Cancelled by nobody.
            try? await loop.sleep(for: Self.interval)
        }
    }

    private func end(_ connections: [Connection], _ ended: inout Set<UInt64>) {
        for connection in connections where ended.insert(connection.id).inserted {
            manager.context.logger.notice(
                "ended a connection that cannot go on in another image",
                metadata: [
                    "connection": .stringConvertible(connection.id), "peer": .stringConvertible(connection.peer),
                ])
            connection.closeNow()
        }
    }
}

/// The servers that accept nobody until the daemon is replaced.
// Safe: used only on the loop's thread, by one handover.
final class Holds: @unchecked Sendable {
    private var servers: [StreamServer] = []

    /// Holds those that are not held yet.
    func hold(_ all: [StreamServer]) {
        for server in all where !servers.contains(where: { $0 === server }) {
            server.holdAccepting()
            servers.append(server)
        }
    }

    /// Lets all of them accept again.
    func release() {
        for server in servers { server.releaseAccepting() }
        servers = []
    }
}
