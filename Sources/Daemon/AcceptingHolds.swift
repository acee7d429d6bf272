// SPDX-License-Identifier: Apache-2.0
// Why a service accepts nobody for a while, and which of its servers are held back meanwhile: pure.

/// Why a service accepts nobody for a while.
enum HoldReason: Hashable, Sendable {
    /// An operator has suspended it.
    case suspension
    /// Its program cannot be started.
    case throttling
    /// The connection of this id waits for its turn to have the program started.
    case turn(UInt64)
    /// The program cannot be started now for the connection of this id.
    case start(UInt64)
}

/// The reasons for which servers accept nobody: each is held once, as long as there is any.
///
/// Every event says which servers are to be held or released by that, once the holds were changed: a server that is
/// released accepts at once, and what follows may look at the holds.
struct AcceptingHolds<Server> {
    private var reasons: Set<HoldReason> = []
    private var held: [Server] = []

    /// Nobody is held.
    init() {}

    /// Whether there is any reason.
    var isHolding: Bool { !reasons.isEmpty }

    /// Whether this reason stands.
    func contains(_ reason: HoldReason) -> Bool { reasons.contains(reason) }

    /// There is a reason, be it that it stood before; `servers` are all that there are.
    ///
    /// - Returns: who is to be held.
    mutating func begin(_ reason: HoldReason, _ servers: [Server]) -> [Server] {
        let isFirst = reasons.isEmpty
        reasons.insert(reason)
        guard isFirst else { return [] }
        held = servers
        return servers
    }

    /// A reason stands no more, be it that it never did.
    ///
    /// - Returns: who is to be released.
    mutating func end(_ reason: HoldReason) -> [Server] {
        guard reasons.remove(reason) != nil, reasons.isEmpty else { return [] }
        defer { held = [] }
        return held
    }

    /// There is one more server.
    ///
    /// - Returns: whether it is to be held.
    mutating func join(_ server: Server) -> Bool {
        if isHolding { held.append(server) }
        return isHolding
    }
}
