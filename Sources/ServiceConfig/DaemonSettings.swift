// SPDX-License-Identifier: Apache-2.0
// The settings of the daemon itself, and their reading from `serverd.toml`.

internal import Policy

/// The settings of the daemon itself.
package struct DaemonSettings: Equatable, Sendable {
    /// The drain timeout when nothing is said.
    ///
    /// With the stop timeout it stays within the 90 s that systemd waits.
    package static let defaultDrainTimeout = Duration.seconds(30)
    /// The stop timeout when nothing is said.
    package static let defaultStopTimeout = Duration.seconds(10)
    /// The longest of either timeout: all waiting ends some time.
    package static let maximumTimeout = Duration.seconds(86_400)

    /// How long connections may go on after their service closes or the daemon is told to stop.
    package let drainTimeout: Duration
    /// How long a handler may take to end after SIGTERM before it gets SIGKILL.
    package let stopTimeout: Duration

    /// Settings from their parts, neither negative nor longer than ``maximumTimeout``.
    package init(drainTimeout: Duration = defaultDrainTimeout, stopTimeout: Duration = defaultStopTimeout) {
        let allowed = Duration.zero...Self.maximumTimeout
        precondition(allowed.contains(drainTimeout) && allowed.contains(stopTimeout), "a timeout is out of its range")
        self.drainTimeout = drainTimeout
        self.stopTimeout = stopTimeout
    }

    /// The keys of `serverd.toml`.
    private enum Key: String, CaseIterable {
        case drainTimeout = "drain_timeout"
        case stopTimeout = "stop_timeout"
    }

    /// The settings in `file`; nil after adding to `errors` what is wrong with it.
    static func parse(_ file: SourceFile, errors: inout [ConfigError]) -> DaemonSettings? {
        guard var reader = TableReader<Key>(file, errors: &errors) else { return nil }
        reader.rejectUnknownKeys { entry in
            guard ServiceKey(rawValue: entry.key) != nil || ["service", "services"].contains(entry.key) else {
                return nil
            }
            return "the keys of serverd.toml; a service is written in a file of its own, services.d/NAME.toml"
        }
        let drainTimeout = reader.duration(.drainTimeout, in: .zero...maximumTimeout)
        let stopTimeout = reader.duration(.stopTimeout, in: .zero...maximumTimeout)
        errors += reader.errors
        guard reader.errors.isEmpty else { return nil }
        return DaemonSettings(
            drainTimeout: drainTimeout ?? defaultDrainTimeout, stopTimeout: stopTimeout ?? defaultStopTimeout)
    }
}
