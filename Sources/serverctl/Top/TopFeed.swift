// SPDX-License-Identifier: Apache-2.0
// What `serverctl top` asks the daemon, and when: one sample after the other, and the closing of a connection.

internal import Glibc
internal import ManagerInterface
internal import Policy
internal import Varlink

/// The two connections to the daemon: one on which samples are asked for, one for a closing that was begun.
///
/// Nothing here waits for a reply: what it comes from is told by ``numbers``, and for how long there is nothing else to
/// do by ``timeLeft``.
struct TopFeed: ~Copyable {
    /// How far a sample has come.
    private enum Step {
        case none
        case asked
        case described(GetStatus.Result)
    }

    /// A closing whose begin the daemon has not yet confirmed.
    private final class Closing {
        let id: UInt64
        let asked: Int64
        var client: ManagerClient

        init(_ id: UInt64, path: String, asked: Int64) throws(Failure) {
            self.id = id
            self.asked = asked
            client = try ManagerClient(path: path)
            // With the first reply it is begun, and goes on without us.
            try client.begin(Manager.CloseConnection.self, .init(id: id), mode: .more)
        }
    }

    private let path: String
    private let interval: Int64
    private let uptime: () -> Int64
    private var client: ManagerClient
    private var step = Step.none
    /// When the last sample was asked for.
    private var asked: Int64?
    private var closing: Closing?

    /// A feed from the daemon at `path`, every `interval` microseconds of the clock `uptime`, which nobody sets.
    init(path: String, interval: Int64, uptime: @escaping () -> Int64) throws(Failure) {
        self.path = path
        self.interval = interval
        self.uptime = uptime
        client = try ManagerClient(path: path)
    }

    /// The sockets to wait for: that of samples, then, if there is one, that of a closing.
    var numbers: [CInt] { [client.number] + (closing.map { [$0.client.number] } ?? []) }

    /// How many microseconds there are until something is to be done even if nothing can be received.
    var timeLeft: Int64 {
        var next = (asked ?? 0) + (isAsking ? ManagerClient.timeout.wholeMicroseconds : interval)
        if let closing { next = min(next, closing.asked + ManagerClient.timeout.wholeMicroseconds) }
        return max(0, next - uptime())
    }

    private var isAsking: Bool {
        guard case .none = step else { return true }
        return false
    }

    /// Asks for a sample when it is time.
    ///
    /// It fails when the daemon has not answered the last time.
    mutating func askIfDue() throws(Failure) {
        let now = uptime()
        if isAsking {
            guard let asked, now - asked >= ManagerClient.timeout.wholeMicroseconds else { return }
            throw client.late(method)
        }
        if let asked, now - asked < interval { return }
        asked = now
        try client.begin(Manager.GetStatus.self, .init())
        try client.begin(Manager.ListConnections.self, .init(usage: true))
        step = .asked
    }

    private var method: String {
        if case .described = step { return Manager.ListConnections.fullName }
        return Manager.GetStatus.fullName
    }

    /// Takes what was received of a sample, and returns it when it is complete; `now` is the time of the calendar.
    mutating func takeSample(isReady: Bool, now: Int64) throws(Failure) -> TopSample? {
        guard isReady else { return nil }
        try client.receive(for: method)
        if case .asked = step, let status = try client.answer(to: Manager.GetStatus.self, to: "show the services") {
            step = .described(status)
        }
        guard case .described(let status) = step,
            let list = try client.answer(to: Manager.ListConnections.self, to: "show the connections")
        else { return nil }
        step = .none
        return TopSample(
            daemon: status.daemon, services: status.services, connections: list.connections, timestamp: now,
            uptime: uptime())
    }

    /// Begins to have a connection closed, and returns what is to be said about that.
    mutating func close(_ id: UInt64) -> String {
        if let closing {
            return "connection \(closing.id) is still being asked to end; try again"
        }
        do throws(Failure) {
            closing = try Closing(id, path: path, asked: uptime())
            return "Asking connection \(id) to end."
        } catch {
            return error.message
        }
    }

    /// Takes what was received about a closing, and returns what is to be said about it.
    mutating func takeClosing(isReady: Bool) -> String? {
        guard let closing else { return nil }
        do throws(Failure) {
            let method = Manager.CloseConnection.self
            if isReady {
                try closing.client.receive(for: method.fullName)
            } else if uptime() - closing.asked >= ManagerClient.timeout.wholeMicroseconds {
                throw closing.client.late(method.fullName)
            }
            guard let reply = try closing.client.answer(to: method, to: "close connection \(closing.id)") else {
                return nil
            }
            self.closing = nil
            guard let exit = reply.exit else { return "Connection \(closing.id) was asked to end." }
            return "Closed connection \(closing.id): \(ConnectionText.ending(exit))."
        } catch {
            self.closing = nil
            return error.message
        }
    }
}
