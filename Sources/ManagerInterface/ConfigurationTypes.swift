// SPDX-License-Identifier: Apache-2.0
// Changes, mistakes and doubts of the configuration, as `io.serverd.Manager` tells of them.

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
    /// Whether it is closed, and is opened again by this.
    package var reopened: Bool
    /// The limit that it has by SetLimit, and that ends with this.
    ///
    /// Absent if none ends.
    package var limitBefore: Int?
    /// The limit of the configuration, which it has instead then.
    package var limitAfter: Int?

    /// The fields' names.
    package enum CodingKeys: String, CodingKey, CaseIterable {
        case service, kind, settings, opened, closed, dropped, reopened, limitBefore, limitAfter
    }

    /// A value from its fields.
    package init(
        service: String, kind: ChangeKind, settings: [SettingChange], opened: [String], closed: [String],
        dropped: [UInt64], reopened: Bool = false, limitBefore: Int? = nil, limitAfter: Int? = nil
    ) {
        self.reopened = reopened
        self.limitBefore = limitBefore
        self.limitAfter = limitAfter
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

/// Something that may be a mistake in a configuration that is valid.
package struct ConfigurationWarning: VarlinkObject, Hashable {
    /// The file.
    ///
    /// Absent if it is about the configuration as a whole.
    package var file: String?
    /// The line in it, from 1.
    package var line: Int?
    /// What is doubtful.
    package var message: String

    /// The fields' names.
    package enum CodingKeys: String, CodingKey, CaseIterable {
        case file, line, message
    }

    /// A value from its fields.
    package init(file: String? = nil, line: Int? = nil, message: String) {
        self.file = file
        self.line = line
        self.message = message
    }
}

/// An address that a service is to listen on, and does not listen on.
package struct NotListening: VarlinkObject, Hashable {
    /// The service.
    package var service: String
    /// The address, as configured.
    package var address: String
    /// Why it cannot be listened on.
    ///
    /// Absent if that only has to wait for who had the address before, and still serves clients that had connected.
    package var failure: String?
    /// When the daemon will try again by itself, in microseconds since the epoch.
    ///
    /// Absent if it will not, or waits.
    package var retryTimestamp: Int64?

    /// The fields' names.
    package enum CodingKeys: String, CodingKey, CaseIterable {
        case service, address, failure, retryTimestamp
    }

    /// A value from its fields.
    package init(service: String, address: String, failure: String? = nil, retryTimestamp: Int64? = nil) {
        self.service = service
        self.address = address
        self.failure = failure
        self.retryTimestamp = retryTimestamp
    }
}
