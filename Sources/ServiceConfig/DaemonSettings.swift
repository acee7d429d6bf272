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
    /// Who may do what on the admin socket.
    package let access: AdminAccess

    /// Settings from their parts, the timeouts neither negative nor longer than ``maximumTimeout``.
    package init(
        drainTimeout: Duration = defaultDrainTimeout, stopTimeout: Duration = defaultStopTimeout,
        access: AdminAccess = AdminAccess()
    ) {
        let allowed = Duration.zero...Self.maximumTimeout
        precondition(allowed.contains(drainTimeout) && allowed.contains(stopTimeout), "a timeout is out of its range")
        self.drainTimeout = drainTimeout
        self.stopTimeout = stopTimeout
        self.access = access
    }

    /// The settings in `file`, the defaults when there is none; nil after adding to `errors` what is wrong with it.
    static func parse(
        _ file: SourceFile?, context: ConfigurationContext, errors: inout [ConfigError]
    ) -> (settings: DaemonSettings, keyLines: KeyLines<DaemonKey>?)? {
        let standardReaders = standardReaders(context: context)
        guard let file else { return (DaemonSettings(access: AdminAccess(readers: standardReaders)), nil) }
        guard var reader = TableReader<DaemonKey>(file, errors: &errors) else { return nil }
        reader.rejectUnknownKeys { entry in
            guard ServiceKey(rawValue: entry.key) != nil || ["service", "services"].contains(entry.key) else {
                return nil
            }
            return "the keys of serverd.toml; a service is written in a file of its own, services.d/NAME.toml"
        }
        let drainTimeout = reader.duration(.drainTimeout, in: .zero...maximumTimeout)
        let stopTimeout = reader.duration(.stopTimeout, in: .zero...maximumTimeout)
        let readers = reader.groups(.adminRead, context: context)
        let operators = reader.groups(.adminOperate, context: context)
        let connectors = reader.groups(.adminConnect, context: context)
        errors += reader.errors
        guard reader.errors.isEmpty else { return nil }
        let furtherReaders = readers.filter { group in !standardReaders.contains { $0.gid == group.gid } }
        let settings = DaemonSettings(
            drainTimeout: drainTimeout ?? defaultDrainTimeout, stopTimeout: stopTimeout ?? defaultStopTimeout,
            access: AdminAccess(
                readers: standardReaders + furtherReaders, operators: operators, connectors: connectors))
        return (settings, reader.keyLines)
    }

    /// The group that may read without being named, if the system has it.
    ///
    /// Nobody wrote it, so there is no error to show when it cannot be looked up: its members then have no access.
    private static func standardReaders(context: ConfigurationContext) -> [Group] {
        let name = AdminAccess.standardReaders
        guard let gid = try? context.accounts.group(.name(name)) else { return [] }
        return [Group(name: name, gid: gid)]
    }
}
