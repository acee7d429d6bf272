// SPDX-License-Identifier: Apache-2.0
// Changes and mistakes of the configuration, as `io.serverd.Manager` tells of them.

internal import Varlink

/// What a configuration does to a service.
package enum ChangeKind: String, Codable, CaseIterable, Sendable {
    /// It is new.
    case added
    /// It is not there any more: it is closed.
    case removed
    /// Some of its settings change.
    ///
    /// They hold for its new connections.
    case changed
}

/// A setting that changes.
package struct SettingChange: VarlinkObject, Hashable {
    /// Its key in the configuration.
    package var key: String
    /// Its value before, as it is written in the configuration.
    ///
    /// Absent if it had none.
    package var before: String?
    /// Its value after.
    ///
    /// Absent if it has none.
    package var after: String?

    /// The fields' names.
    package enum CodingKeys: String, CodingKey, CaseIterable {
        case key, before, after
    }

    /// A value from its fields.
    package init(key: String, before: String? = nil, after: String? = nil) {
        self.key = key
        self.before = before
        self.after = after
    }
}

/// What a configuration changes about a service.
package struct ServiceChange: VarlinkObject, Hashable {
    /// The service.
    package var service: String
    /// What happens to it.
    package var kind: ChangeKind
    /// The settings that change.
    ///
    /// None for one that is added or removed.
    package var settings: [SettingChange]
    /// The addresses that it begins to listen on.
    package var opened: [String]
    /// The addresses that it stops listening on.
    package var closed: [String]
    /// The ids of the connections that will be asked to end after the drain_timeout of the configuration.
    ///
    /// All others go on as they are.
    package var dropped: [UInt64]

    /// The fields' names.
    package enum CodingKeys: String, CodingKey, CaseIterable {
        case service, kind, settings, opened, closed, dropped
    }

    /// A value from its fields.
    package init(
        service: String, kind: ChangeKind, settings: [SettingChange], opened: [String], closed: [String],
        dropped: [UInt64]
    ) {
        self.service = service
        self.kind = kind
        self.settings = settings
        self.opened = opened
        self.closed = closed
        self.dropped = dropped
    }
}

/// What a configuration changes, against the one in effect.
package struct ConfigurationChanges: VarlinkObject, Hashable {
    /// The services that change, by name.
    package var services: [ServiceChange]
    /// How many services do not change.
    package var unchanged: Int
    /// The settings of the daemon that change.
    package var settings: [SettingChange]

    /// The fields' names.
    package enum CodingKeys: String, CodingKey, CaseIterable {
        case services, unchanged, settings
    }

    /// A value from its fields.
    package init(services: [ServiceChange], unchanged: Int, settings: [SettingChange]) {
        self.services = services
        self.unchanged = unchanged
        self.settings = settings
    }
}

/// A mistake in the configuration.
package struct ConfigurationError: VarlinkObject, Hashable {
    /// The file.
    package var file: String
    /// The line in it, from 1.
    ///
    /// Absent if the file as a whole is wrong, such as unreadable.
    package var line: Int?
    /// The column in that line, from 1.
    package var column: Int?
    /// What is wrong.
    package var message: String
    /// The whole line, as it stands there.
    package var text: String?
    /// What was expected there.
    package var expected: String?
    /// What was probably meant.
    package var hint: String?

    /// The fields' names.
    package enum CodingKeys: String, CodingKey, CaseIterable {
        case file, line, column, message, text, expected, hint
    }

    /// A value from its fields.
    package init(
        file: String, line: Int? = nil, column: Int? = nil, message: String, text: String? = nil,
        expected: String? = nil, hint: String? = nil
    ) {
        self.file = file
        self.line = line
        self.column = column
        self.message = message
        self.text = text
        self.expected = expected
        self.hint = hint
    }
}
