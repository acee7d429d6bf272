// SPDX-License-Identifier: Apache-2.0
// The errors of `io.serverd.Manager`.

internal import Varlink

/// Why streams cannot be shut down.
package enum ShutdownObstacle: String, Codable, CaseIterable, Sendable {
    /// The configuration does not allow it for this service.
    case configuration
    /// The daemon lacks the capability CAP_NET_ADMIN.
    case capability
    /// The kernel cannot do it.
    case kernel
    /// It is no TCP connection, and a program has it.
    case transport
}

extension Manager {
    /// The caller may not call this method.
    package struct NotPermitted: ManagerError, Hashable {
        /// The method, without the interface.
        package var method: String
        /// What the caller would need.
        package var needs: Permission

        /// The fields' names.
        package enum CodingKeys: String, CodingKey, CaseIterable {
            case method, needs
        }

        /// The error with its fields.
        package init(method: String, needs: Permission) {
            self.method = method
            self.needs = needs
        }
    }

    /// No service has the name that was given.
    package struct NoSuchService: ManagerError, Hashable {
        /// The name.
        package var service: String
        /// The name that was perhaps meant.
        package var nearest: String?

        /// The fields' names.
        package enum CodingKeys: String, CodingKey, CaseIterable {
            case service, nearest
        }

        /// The error with its fields.
        package init(service: String, nearest: String? = nil) {
            self.service = service
            self.nearest = nearest
        }
    }

    /// No connection has the id that was given: it has ended, or there never was one.
    package struct NoSuchConnection: ManagerError, Hashable {
        /// The id.
        package var id: UInt64

        /// The fields' names.
        package enum CodingKeys: String, CodingKey, CaseIterable {
            case id
        }

        /// The error with its fields.
        package init(id: UInt64) {
            self.id = id
        }
    }

    /// The service is in a state in which this cannot be done.
    package struct WrongState: ManagerError, Hashable {
        /// The service.
        package var service: String
        /// Its state.
        package var state: ServiceState

        /// The fields' names.
        package enum CodingKeys: String, CodingKey, CaseIterable {
            case service, state
        }

        /// The error with its fields.
        package init(service: String, state: ServiceState) {
            self.service = service
            self.state = state
        }
    }

    /// The daemon is ending: nothing is opened or changed any more.
    package struct DaemonStopping: ManagerError, Hashable {
        /// No names.
        package enum CodingKeys: CodingKey, CaseIterable {}

        /// The error.
        package init() {}
    }

    /// A filter cannot be understood.
    package struct InvalidFilter: ManagerError, Hashable {
        /// The condition that is wrong: its name in ConnectionFilter.
        ///
        /// Absent if it is the filter as a whole.
        package var field: String?
        /// What is wrong with it.
        package var reason: String

        /// The fields' names.
        package enum CodingKeys: String, CodingKey, CaseIterable {
            case field, reason
        }

        /// The error with its fields.
        package init(field: String? = nil, reason: String) {
            self.field = field
            self.reason = reason
        }
    }

    /// A duration is negative, longer than a day, or there beside "keep"; or a deadline comes before the end of its
    /// grace.
    package struct InvalidDuration: ManagerError, Hashable {
        /// The parameter: grace or deadline.
        package var field: String
        /// What is wrong with it.
        package var reason: String

        /// The fields' names.
        package enum CodingKeys: String, CodingKey, CaseIterable {
            case field, reason
        }

        /// The error with its fields.
        package init(field: String, reason: String) {
            self.field = field
            self.reason = reason
        }
    }

    /// A service cannot have such a limit.
    package struct LimitOutOfRange: ManagerError, Hashable {
        /// The limit that was given.
        package var maxConnections: Int
        /// The lowest one that can be set.
        package var minimum: Int
        /// The highest one that can be set: as many connections as the daemon has descriptors for.
        package var maximum: Int

        /// The fields' names.
        package enum CodingKeys: String, CodingKey, CaseIterable {
            case maxConnections, minimum, maximum
        }

        /// The error with its fields.
        package init(maxConnections: Int, minimum: Int, maximum: Int) {
            self.maxConnections = maxConnections
            self.minimum = minimum
            self.maximum = maximum
        }
    }

    /// Streams of connections cannot be shut down.
    ///
    /// Nothing was changed.
    package struct ShutdownNotPossible: ManagerError, Hashable {
        /// Why not.
        package var reason: ShutdownObstacle
        /// A service that it is not possible for.
        package var service: String
        /// A connection that it is not possible for.
        ///
        /// Absent if it is not possible for any of the service.
        package var id: UInt64?

        /// The fields' names.
        package enum CodingKeys: String, CodingKey, CaseIterable {
            case reason, service, id
        }

        /// The error with its fields.
        package init(reason: ShutdownObstacle, service: String, id: UInt64? = nil) {
            self.reason = reason
            self.service = service
            self.id = id
        }
    }

    /// The configuration has mistakes.
    ///
    /// Nothing was changed.
    package struct ConfigurationInvalid: ManagerError, Hashable {
        /// All of them, in the order of the files and of the places in them.
        package var errors: [ConfigurationError]

        /// The fields' names.
        package enum CodingKeys: String, CodingKey, CaseIterable {
            case errors
        }

        /// The error with its fields.
        package init(errors: [ConfigurationError]) {
            self.errors = errors
        }
    }

    /// The service does not have "connect = true" in its configuration.
    package struct NotConnectable: ManagerError, Hashable {
        /// The service.
        package var service: String

        /// The fields' names.
        package enum CodingKeys: String, CodingKey, CaseIterable {
            case service
        }

        /// The error with its fields.
        package init(service: String) {
            self.service = service
        }
    }

    /// The service has as many connections as it may.
    package struct ServiceFull: ManagerError, Hashable {
        /// The service.
        package var service: String
        /// How many it may have.
        package var connectionLimit: Int

        /// The fields' names.
        package enum CodingKeys: String, CodingKey, CaseIterable {
            case service, connectionLimit
        }

        /// The error with its fields.
        package init(service: String, connectionLimit: Int) {
            self.service = service
            self.connectionLimit = connectionLimit
        }
    }

    /// Too many clients are connected, or too many of the caller's user.
    ///
    /// The daemon closes the connection after this.
    package struct TooManyClients: ManagerError, Hashable {
        /// How many there may be.
        package var limit: Int

        /// The fields' names.
        package enum CodingKeys: String, CodingKey, CaseIterable {
            case limit
        }

        /// The error with its fields.
        package init(limit: Int) {
            self.limit = limit
        }
    }

    /// The caller took replies so slowly that too many of them were waiting for it.
    ///
    /// This is the last one.
    package struct TooSlow: ManagerError, Hashable {
        /// How many may wait.
        package var limit: Int

        /// The fields' names.
        package enum CodingKeys: String, CodingKey, CaseIterable {
            case limit
        }

        /// The error with its fields.
        package init(limit: Int) {
            self.limit = limit
        }
    }

    /// The reply would be too long for a message.
    ///
    /// Methods that return lists need not fail so: call them with "more".
    package struct ReplyTooLong: ManagerError, Hashable {
        /// How long it would be.
        package var length: Int
        /// How long it may be.
        package var limit: Int

        /// The fields' names.
        package enum CodingKeys: String, CodingKey, CaseIterable {
            case length, limit
        }

        /// The error with its fields.
        package init(length: Int, limit: Int) {
            self.length = length
            self.limit = limit
        }
    }
}
