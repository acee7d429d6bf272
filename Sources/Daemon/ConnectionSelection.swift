// SPDX-License-Identifier: Apache-2.0
// Which connections a filter of the manager interface means: pure.

internal import ManagerInterface
internal import Policy
internal import Varlink

/// A filter that is understood.
struct ConnectionSelection {
    /// The service it asks for.
    let service: String?
    private let network: Network?
    private let latestStart: Int64?
    private let state: ConnectionState?

    /// Understands a filter; `now` is in microseconds since the epoch.
    ///
    /// - Throws: `InvalidFilter`, which names the condition that is wrong.
    init(_ filter: ConnectionFilter, now: Int64 = WallClock.microseconds) throws(VarlinkError) {
        service = filter.service
        state = filter.state
        if let peer = filter.peer {
            guard let network = Network(peer) else {
                throw VarlinkError(
                    Manager.InvalidFilter(
                        field: "peer",
                        reason:
                            "\"\(peer)\" is neither an address nor a network such as 192.0.2.0/24 or 2001:db8::/32, "
                            + "whose bits behind the prefix are 0"))
            }
            self.network = network
        } else {
            network = nil
        }
        if let age = filter.olderThan {
            guard age >= 0 else {
                throw VarlinkError(Manager.InvalidFilter(field: "olderThan", reason: "it is negative"))
            }
            latestStart = now.saturatingSubtract(age)
        } else {
            latestStart = nil
        }
    }

    /// Whether it means this connection.
    func matches(_ connection: ConnectionStatus) -> Bool {
        if let service, connection.service != service { return false }
        if let state, connection.state != state { return false }
        if let latestStart, connection.startTimestamp > latestStart { return false }
        guard let network else { return true }
        guard connection.transport == .tcp, let peer = try? InetAddress(parsing: connection.peer) else { return false }
        return network.contains(peer.ip)
    }
}
