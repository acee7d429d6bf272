// SPDX-License-Identifier: Apache-2.0
// What happens, as `io.serverd.Manager` tells of it.

internal import Varlink

/// How a handler ended.
package enum Ending: String, Codable, CaseIterable, Sendable {
    /// The program exited with exitCode.
    case exited
    /// The program was ended by signal.
    case killed
    /// A handler inside serverd returned.
    case returned
    /// The handler could not be started, or one inside serverd failed, for the reason that failure tells.
    case failed
    /// The program is gone, and nobody can say how.
    case unknown
}

/// The end of a connection and of what served it.
package struct ExitReport: VarlinkObject, Hashable {
    /// How the handler ended.
    package var ending: Ending
    /// The code that the program exited with.
    package var exitCode: Int32?
    /// The number of the signal that ended the program.
    package var signal: Int32?
    /// Whether the program left a core file behind.
    package var dumpedCore: Bool?
    /// Why this end counts as a failure of the handler.
    ///
    /// Absent if it does not.
    package var failure: String?
    /// Whether serverd had asked the handler to end.
    ///
    /// Such an end is no failure.
    package var stopped: Bool
    /// From the accepting of the connection to its end, in microseconds.
    package var duration: Int64
    /// The processor time that the program and its children spent in programs, in microseconds.
    package var userTime: Int64?
    /// The processor time that the program and its children spent in the kernel, in microseconds.
    package var systemTime: Int64?
    /// The most memory that the program had resident, in bytes; nil where it was less than serverd itself ever had.
    package var peakMemory: Int64?
    /// Whether processes that the program had started live on.
    package var lingering: Bool?

    /// The fields' names.
    package enum CodingKeys: String, CodingKey, CaseIterable {
        case ending, exitCode, signal, dumpedCore, failure, stopped, duration, userTime, systemTime, peakMemory
        case lingering
    }

    /// A value from its fields.
    package init(
        ending: Ending, exitCode: Int32? = nil, signal: Int32? = nil, dumpedCore: Bool? = nil, failure: String? = nil,
        stopped: Bool, duration: Int64, userTime: Int64? = nil, systemTime: Int64? = nil, peakMemory: Int64? = nil,
        lingering: Bool? = nil
    ) {
        self.ending = ending
        self.exitCode = exitCode
        self.signal = signal
        self.dumpedCore = dumpedCore
        self.failure = failure
        self.stopped = stopped
        self.duration = duration
        self.userTime = userTime
        self.systemTime = systemTime
        self.peakMemory = peakMemory
        self.lingering = lingering
    }
}

/// Why a connection was refused.
package enum RefusalReason: String, Codable, CaseIterable, Sendable {
    /// The service has as many connections as it may.
    case limit
    /// The service was just closed.
    case closed
}

/// What an event tells.
package enum EventKind: String, Codable, CaseIterable, Sendable {
    /// A connection was accepted: connection.
    case connectionOpened
    /// A connection was refused: service, peer, refusal.
    case connectionRefused
    /// A connection has ended: connection as it was last, and exit.
    case connectionEnded
    /// A service was added, or has changed its state, its limit or its addresses, or, which is looked at every 10 seconds,
    /// which of these are unreachable: status.
    case serviceChanged
    /// A service was removed: service.
    case serviceRemoved
    /// A closing or draining has come to its next step, or further in it: closing, and service if it is about one.
    case closingProgress
    /// A configuration was put into effect: changes.
    case reloaded
    /// A configuration was not put into effect, because it is invalid: errors.
    case reloadFailed
    /// A caller of Subscribe, ListServices or ListConnections took replies too slowly, and its call was ended:
    /// subscriber.
    case subscriberLost
    /// The daemon was told to stop: it drains its services, or leaves them to the next serverd, and ends.
    case daemonStopping
}

/// Something that happened.
///
/// Only the fields that its kind names are there, besides kind and timestamp.
package struct Event: VarlinkObject, Hashable {
    /// What it tells.
    package var kind: EventKind
    /// When it happened, in microseconds since the epoch.
    package var timestamp: Int64
    /// The service that it happened to.
    package var service: String?
    /// The connection that it happened to.
    package var connection: ConnectionStatus?
    /// The address of the peer that was refused.
    package var peer: String?
    /// Why it was.
    package var refusal: RefusalReason?
    /// How the connection ended.
    package var exit: ExitReport?
    /// The service as it is now.
    package var status: ServiceStatus?
    /// How far the closing has come.
    package var closing: ClosingProgress?
    /// What the reload has changed.
    package var changes: ConfigurationChanges?
    /// What is wrong with the configuration.
    package var errors: [ConfigurationError]?
    /// Whose call was ended.
    package var subscriber: UnixPeer?

    /// The fields' names.
    package enum CodingKeys: String, CodingKey, CaseIterable {
        case kind, timestamp, service, connection, peer, refusal, exit, status, closing, changes, errors, subscriber
    }

    /// A value from its fields.
    package init(
        kind: EventKind, timestamp: Int64, service: String? = nil, connection: ConnectionStatus? = nil,
        peer: String? = nil, refusal: RefusalReason? = nil, exit: ExitReport? = nil, status: ServiceStatus? = nil,
        closing: ClosingProgress? = nil, changes: ConfigurationChanges? = nil, errors: [ConfigurationError]? = nil,
        subscriber: UnixPeer? = nil
    ) {
        self.kind = kind
        self.timestamp = timestamp
        self.service = service
        self.connection = connection
        self.peer = peer
        self.refusal = refusal
        self.exit = exit
        self.status = status
        self.closing = closing
        self.changes = changes
        self.errors = errors
        self.subscriber = subscriber
    }
}
