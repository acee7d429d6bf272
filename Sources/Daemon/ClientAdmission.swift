// SPDX-License-Identifier: Apache-2.0
// Who may be a client of the admin socket: a share for each user, a reserve for root, nothing for those who say nothing. Pure.

/// The clients of the admin socket, and whether there is room for one more.
///
/// | who comes | finds room | otherwise takes the place of | or is refused |
/// |---|---|---|---|
/// | root, or the daemon's own user | below ``limit`` | whoever has never called, then another user's client whose last call is longest ago | when all are of its kind |
/// | another user | below its ``share``, and below ``limit`` less ``reserve`` | another user's or its own client that has never called, the longest there | when all have called |
struct ClientAdmission {
    /// What becomes of whoever comes.
    enum Verdict: Equatable {
        /// It is a client; another one has lost its place to it, perhaps.
        case admitted(insteadOf: UInt64?)
        /// There are as many as there may be.
        case refused(limit: Int)
    }

    private struct Client {
        let uid: UInt32
        /// When it last sent a complete call; before the first, when it connected.
        var lastHeard: Duration
        var hasCalled = false
    }

    /// The most clients at a time.
    let limit: Int
    /// The daemon's own user, who has the rights of root here.
    private let owner: UInt32
    private var clients: [UInt64: Client] = [:]

    /// No clients yet.
    init(limit: Int, owner: UInt32) {
        self.limit = limit
        self.owner = owner
    }

    /// How many places only root gets: enough to look at what takes the others, and to end it.
    var reserve: Int { max(1, limit / 16) }

    /// How many clients one user may have: four users who do their worst leave nothing to a fifth, but never less to root.
    var share: Int { max(1, (limit - reserve) / 4) }

    /// Somebody has connected.
    mutating func arrived(_ id: UInt64, uid: UInt32, at now: Duration) -> Verdict {
        let verdict = verdict(for: uid)
        guard case .admitted(let other) = verdict else { return verdict }
        if let other { clients[other] = nil }
        clients[id] = Client(uid: uid, lastHeard: now)
        return verdict
    }

    private func verdict(for uid: UInt32) -> Verdict {
        if isPrivileged(uid) {
            guard clients.count >= limit else { return .admitted(insteadOf: nil) }
            let other = longestSilent { !$0.hasCalled } ?? longestSilent { !isPrivileged($0.uid) }
            return other.map { .admitted(insteadOf: $0) } ?? .refused(limit: limit)
        }
        if clients.values.count(where: { $0.uid == uid }) >= share {
            let own = longestSilent { $0.uid == uid && !$0.hasCalled }
            return own.map { .admitted(insteadOf: $0) } ?? .refused(limit: share)
        }
        guard clients.count >= limit - reserve else { return .admitted(insteadOf: nil) }
        let other = longestSilent { !isPrivileged($0.uid) && !$0.hasCalled }
        return other.map { .admitted(insteadOf: $0) } ?? .refused(limit: limit - reserve)
    }

    private func isPrivileged(_ uid: UInt32) -> Bool { uid == 0 || uid == owner }

    private func longestSilent(_ isMeant: (Client) -> Bool) -> UInt64? {
        clients.filter { isMeant($0.value) }.min { ($0.value.lastHeard, $0.key) < ($1.value.lastHeard, $1.key) }?.key
    }

    /// A client has sent a complete call.
    mutating func heard(_ id: UInt64, at now: Duration) {
        clients[id]?.lastHeard = now
        clients[id]?.hasCalled = true
    }

    /// Whether a client has never called, and so is none any more.
    mutating func removeIfSilent(_ id: UInt64) -> Bool {
        guard clients[id]?.hasCalled == false else { return false }
        clients[id] = nil
        return true
    }

    /// A client has gone.
    mutating func left(_ id: UInt64) { clients[id] = nil }
}
