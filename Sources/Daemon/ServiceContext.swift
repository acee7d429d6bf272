// SPDX-License-Identifier: Apache-2.0
// What all services of a daemon share.

internal import EventLoops
internal import Logging
internal import SocketServer
internal import Supervision

/// What all services of a daemon share.
struct ServiceContext: Sendable {
    let loop: EventLoop
    let spawner: Spawner
    let settings: CurrentSettings
    let logger: Logger
    let numbering: ConnectionNumbering
    /// The daemon's own environment, from which services may pass variables on.
    let environment: [String: String]
    /// Who the daemon is, and so who its programs are unless they change.
    let identity: ProcessIdentity
    /// Who wants to be told what happens.
    let events: EventHub
    /// Which connections programs have, for whoever serves after us.
    var ledger: ConnectionLedger?
    /// Who keeps our listeners while there is no daemon.
    var store: DescriptorStore?
    /// What a daemon before us has left, as long as it is not claimed.
    var inherited: InheritedSockets?
    /// Where programs are kept, if they can be.
    var controlGroups = ControlGroups.none(because: "they are not looked for")
    /// Is called on the loop when a service's state or numbers have changed.
    let changed: @Sendable () -> Void
}
