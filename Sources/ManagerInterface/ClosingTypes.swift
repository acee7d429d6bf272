// SPDX-License-Identifier: Apache-2.0
// How things are closed, and how far that has come, as `io.serverd.Manager` tells of it.

internal import Varlink

/// What a closing service does with the connections that it has.
package enum ExistingConnections: String, Codable, CaseIterable, Sendable {
    /// They go on until they end by themselves.
    case keep
    /// Their handlers are asked to end by SIGTERM, and then sent SIGKILL.
    case stop
    /// Their streams are shut down, so that their handlers see the end, and those that do not end are sent SIGKILL.
    ///
    /// See ShutdownNotPossible.
    case shutdown
}

/// How a connection is made to end.
package enum CloseBy: String, Codable, CaseIterable, Sendable {
    /// Its handler is asked to end by SIGTERM, and then sent SIGKILL.
    case stop
    /// Its stream is shut down, so that its handler sees the end, and one that does not end is sent SIGKILL.
    ///
    /// See ShutdownNotPossible.
    case shutdown
}

/// What is being done about connections that are to end, in this order.
package enum ClosingStep: String, Codable, CaseIterable, Sendable {
    /// Clients that had connected before are still accepted.
    case accepting
    /// Connections may go on for a while.
    case waiting
    /// Handlers were asked to end, by SIGTERM or by a shutdown of their streams.
    case stopping
    /// Handlers were sent SIGKILL.
    case killing
    /// Nothing any more.
    case finished
}

/// How many of a service's connections are open.
package struct OpenConnections: VarlinkObject, Hashable {
    /// The service.
    package var service: String
    /// How many of those that are to end.
    package var connections: Int

    /// The fields' names.
    package enum CodingKeys: String, CodingKey, CaseIterable {
        case service, connections
    }

    /// A value from its fields.
    package init(service: String, connections: Int) {
        self.service = service
        self.connections = connections
    }
}

/// How far the closing of connections has come.
///
/// All counts but "open" and "kept" only grow; when the step is finished they tell what happened to how many.
package struct ClosingProgress: VarlinkObject, Hashable {
    /// What is being done.
    package var step: ClosingStep
    /// How many of the connections are still open.
    package var open: Int
    /// Where those are.
    ///
    /// A service that has none is left out.
    package var services: [OpenConnections]
    /// How many have ended by themselves.
    package var ended: Int
    /// How many have ended after their handler was asked to.
    package var stopped: Int
    /// How many have ended after their handler was sent SIGKILL.
    package var killed: Int
    /// How many go on, because the call left them alone.
    package var kept: Int
    /// How many have left processes behind that live on.
    package var lingering: Int
    /// What will be done next if not all have ended before.
    package var nextStep: ClosingStep?
    /// When that will be, in microseconds since the epoch.
    package var nextStepTimestamp: Int64?
    /// When whatever is left will be sent SIGKILL, in microseconds since the epoch.
    package var deadlineTimestamp: Int64?

    /// The fields' names.
    package enum CodingKeys: String, CodingKey, CaseIterable {
        case step, open, services, ended, stopped, killed, kept, lingering, nextStep, nextStepTimestamp
        case deadlineTimestamp
    }

    /// A value from its fields.
    package init(
        step: ClosingStep, open: Int, services: [OpenConnections] = [], ended: Int = 0, stopped: Int = 0,
        killed: Int = 0, kept: Int = 0, lingering: Int = 0, nextStep: ClosingStep? = nil,
        nextStepTimestamp: Int64? = nil, deadlineTimestamp: Int64? = nil
    ) {
        self.step = step
        self.open = open
        self.services = services
        self.ended = ended
        self.stopped = stopped
        self.killed = killed
        self.kept = kept
        self.lingering = lingering
        self.nextStep = nextStep
        self.nextStepTimestamp = nextStepTimestamp
        self.deadlineTimestamp = deadlineTimestamp
    }
}
