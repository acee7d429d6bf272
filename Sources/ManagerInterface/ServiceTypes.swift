// SPDX-License-Identifier: Apache-2.0
// Services, the daemon and settings, as `io.serverd.Manager` tells of them.

internal import Varlink

/// What a service is doing.
package enum ServiceState: String, Codable, CaseIterable, Sendable {
    case opening, listening, full, throttled, suspended, draining, closed, failed

    /// Whether peers are served, be it after a wait.
    package var isServing: Bool { self == .listening || self == .full }
}

/// What the daemon is doing.
package enum DaemonState: String, Codable, CaseIterable, Sendable {
    case starting, running, stopping
}

/// The daemon at one moment.
package struct DaemonStatus: VarlinkObject, Hashable {
    /// The version of serverd.
    package var version: String
    /// The daemon's process.
    package var pid: Int32
    /// What it is doing.
    package var state: DaemonState
    /// When it was started, in microseconds since the epoch.
    package var startTimestamp: Int64
    /// How many images have served in this process: 1, and one more for each Reexec.
    package var images: Int
    /// Why the image that followed this one could not start, if it has come back.
    package var reexecFailure: String?

    /// The fields' names.
    package enum CodingKeys: String, CodingKey, CaseIterable {
        case version, pid, state, startTimestamp, images, reexecFailure
    }

    /// A status from its fields.
    package init(
        version: String, pid: Int32, state: DaemonState, startTimestamp: Int64, images: Int = 1,
        reexecFailure: String? = nil
    ) {
        self.images = images
        self.reexecFailure = reexecFailure
        self.version = version
        self.pid = pid
        self.state = state
        self.startTimestamp = startTimestamp
    }
}

/// One service at one moment.
///
/// The counts begin with the daemon.
package struct ServiceStatus: VarlinkObject, Hashable {
    /// The service's name.
    package var name: String
    /// What it is for.
    package var description: String?
    /// What it is doing.
    package var state: ServiceState
    /// Where it listens; an address that it cannot listen on as configured.
    package var addresses: [String]
    /// Those of its addresses whose socket file somebody has removed or replaced; `nil` if there are none.
    package var unreachable: [String]?
    /// How many connections it has.
    package var connections = 0
    /// How many it may have.
    package var connectionLimit: Int
    /// How many it has accepted.
    package var connectionsAccepted = 0
    /// How many of those ended by a failure of their handler.
    package var handlerFailures = 0
    /// How many it has refused.
    package var connectionsRefused = 0
    /// Since when it has been listening, in microseconds since the epoch; `nil` while it is not.
    package var listeningTimestamp: Int64?
    /// Why it failed, while its state is `failed`; why it has closed by itself, while it is `closed`.
    package var failure: String?
    /// When the daemon will try again by itself, in microseconds since the epoch.
    package var retryTimestamp: Int64?
    /// The last thing that went wrong, even if it is over.
    package var lastError: String?
    /// When that was, in microseconds since the epoch.
    package var lastErrorTimestamp: Int64?

    /// The fields' names.
    package enum CodingKeys: String, CodingKey, CaseIterable {
        case name, description, state, addresses, unreachable, connections, connectionLimit, connectionsAccepted,
            handlerFailures
        case connectionsRefused, listeningTimestamp, failure, retryTimestamp, lastError, lastErrorTimestamp
    }

    /// Whether peers are served, be it after a wait, at every address.
    package var isServing: Bool { state.isServing && unreachable == nil }

    /// A service on which nothing has happened yet; the other fields are set one by one.
    package init(name: String, state: ServiceState, addresses: [String], connectionLimit: Int) {
        self.name = name
        self.state = state
        self.addresses = addresses
        self.connectionLimit = connectionLimit
    }
}

/// Where a setting was made.
package enum SettingOrigin: String, Codable, CaseIterable, Sendable {
    /// In the configuration, at file and line.
    case file
    /// Nowhere: it is the default.
    case `default`
    /// By an operator, with SetLimit.
    ///
    /// It holds until the daemon or the service's configuration changes.
    case `operator`
}

/// One setting that is in effect.
package struct Setting: VarlinkObject, Hashable {
    /// Its key in the configuration.
    package var key: String
    /// Its value, as it is written in the configuration.
    ///
    /// Absent if it has none.
    package var value: String?
    /// Where it was made.
    package var origin: SettingOrigin
    /// The file.
    package var file: String?
    /// The line in it, from 1.
    package var line: Int?

    /// The fields' names.
    package enum CodingKeys: String, CodingKey, CaseIterable {
        case key, value, origin, file, line
    }

    /// A value from its fields.
    package init(key: String, value: String? = nil, origin: SettingOrigin, file: String? = nil, line: Int? = nil) {
        self.key = key
        self.value = value
        self.origin = origin
        self.file = file
        self.line = line
    }
}

/// Where the programs of a service are kept, so that nothing that they start is lost sight of.
package struct ControlGroup: VarlinkObject, Hashable {
    /// The directory of the service's control group; `nil` when there is none.
    package var path: String?
    /// Why there is none, or why resources that its configuration limits are not limited; `nil` when nothing is missing.
    package var missing: String?

    /// The fields' names.
    package enum CodingKeys: String, CodingKey, CaseIterable {
        case path, missing
    }

    /// A value from its fields.
    package init(path: String? = nil, missing: String? = nil) {
        self.path = path
        self.missing = missing
    }
}
