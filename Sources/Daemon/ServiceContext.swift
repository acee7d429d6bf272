// SPDX-License-Identifier: Apache-2.0
// The one loop, the one spawner and the other things that every service works with.

internal import Descriptors
internal import EventLoops
internal import Logging
internal import Policy
internal import SocketServer
internal import Sockets
internal import Supervision

/// What all services of a daemon share.
struct ServiceContext: Sendable {
    /// The loop on which services and their connections live.
    let loop: EventLoop
    /// Starts their programs.
    let spawner: Spawner
    /// The daemon's own settings, which a reload changes.
    let settings: CurrentSettings
    /// Where they log.
    let logger: Logger
    /// Gives every connection of every service an id of its own.
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
    /// Ends the streams of programs that are to be shut down.
    var destroyStream = SystemCall<StreamIdentity, Void>.destroyStream
    /// Tells that a service's state or numbers may have changed.
    let changes: ChangeSignal
}
