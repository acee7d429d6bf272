// SPDX-License-Identifier: Apache-2.0
// The methods of `io.serverd.Manager` that look and change nothing.

package import Varlink

extension Manager {
    /// Returns what the daemon and its services are doing.
    package enum GetStatus: ManagerMethod {
        /// What a caller needs.
        package static let permission = Permission.read

        /// What is asked.
        package struct Parameters: VarlinkObject, Hashable {
            /// The service to ask about.
            ///
            /// Without it, all of them.
            package var service: String?

            /// The fields' names.
            package enum CodingKeys: String, CodingKey, CaseIterable {
                case service
            }

            /// A value from its fields.
            package init(service: String? = nil) {
                self.service = service
            }
        }

        /// What is replied.
        package struct Result: VarlinkObject, Hashable {
            /// The daemon.
            package var daemon: DaemonStatus
            /// The services, by name.
            package var services: [ServiceStatus]

            /// The fields' names.
            package enum CodingKeys: String, CodingKey, CaseIterable {
                case daemon, services
            }

            /// A value from its fields.
            package init(daemon: DaemonStatus, services: [ServiceStatus]) {
                self.daemon = daemon
                self.services = services
            }
        }
    }

    /// Returns the services.
    ///
    /// Called with "more", it first returns all of them, in as many replies as that takes, and then goes on to return
    /// each that is added, changes its state, its limit or its addresses, or is removed. A count that changes is no
    /// change.
    package enum ListServices: ManagerMethod {
        /// What a caller needs.
        package static let permission = Permission.read
        /// Nothing is asked.
        package typealias Parameters = NoFields

        /// What is replied.
        package struct Result: VarlinkObject, Hashable {
            /// The services, by name; with "more" those that are new or have changed.
            package var services: [ServiceStatus]
            /// The names of services that exist no more.
            package var removed: [String]?
            /// Whether with this reply the caller knows all services.
            ///
            /// Later replies, which tell changes, have it too.
            package var complete: Bool

            /// The fields' names.
            package enum CodingKeys: String, CodingKey, CaseIterable {
                case services, removed, complete
            }

            /// A value from its fields.
            package init(services: [ServiceStatus], removed: [String]? = nil, complete: Bool) {
                self.services = services
                self.removed = removed
                self.complete = complete
            }
        }
    }

    /// Returns everything about one service.
    package enum DescribeService: ManagerMethod {
        /// What a caller needs.
        package static let permission = Permission.read
        /// What is asked.
        package typealias Parameters = ServiceParameters

        /// What is replied.
        package struct Result: VarlinkObject, Hashable {
            /// What it is doing.
            package var service: ServiceStatus
            /// Its settings in effect, in the order of the documentation, with the place where each was made.
            package var settings: [Setting]
            /// Where its programs are kept; `nil` when serverd itself serves its connections.
            package var controlGroup: ControlGroup?

            /// The fields' names.
            package enum CodingKeys: String, CodingKey, CaseIterable {
                case service, settings, controlGroup
            }

            /// A value from its fields.
            package init(service: ServiceStatus, settings: [Setting], controlGroup: ControlGroup? = nil) {
                self.service = service
                self.settings = settings
                self.controlGroup = controlGroup
            }
        }
    }

    /// Returns the connections.
    ///
    /// Called with "more", it first returns all of them, in as many replies as that takes, and then goes on to return
    /// each that begins, changes its state, or ends. A cpuTime, memory, bytesIn or bytesOut that changes is no change.
    package enum ListConnections: ManagerMethod {
        /// What a caller needs.
        package static let permission = Permission.read

        /// What is asked.
        package struct Parameters: VarlinkObject, Hashable {
            /// Which ones.
            ///
            /// Without it, all of them.
            package var filter: ConnectionFilter?
            /// Whether to return cpuTime, memory, bytesIn and bytesOut too.
            ///
            /// Absent means true.
            package var usage: Bool?

            /// The fields' names.
            package enum CodingKeys: String, CodingKey, CaseIterable {
                case filter, usage
            }

            /// A value from its fields.
            package init(filter: ConnectionFilter? = nil, usage: Bool? = nil) {
                self.filter = filter
                self.usage = usage
            }
        }

        /// What is replied.
        package struct Result: VarlinkObject, Hashable {
            /// The connections, by id; with "more" those that are new or have changed.
            package var connections: [ConnectionStatus]
            /// The ids of connections that have ended, or that the filter does not hold for any more.
            package var removed: [UInt64]?
            /// Whether with this reply the caller knows all connections.
            ///
            /// Later replies, which tell changes, have it too.
            package var complete: Bool

            /// The fields' names.
            package enum CodingKeys: String, CodingKey, CaseIterable {
                case connections, removed, complete
            }

            /// A value from its fields.
            package init(connections: [ConnectionStatus], removed: [UInt64]? = nil, complete: Bool) {
                self.connections = connections
                self.removed = removed
                self.complete = complete
            }
        }
    }

    /// Returns everything about one connection.
    package enum DescribeConnection: ManagerMethod {
        /// What a caller needs.
        package static let permission = Permission.read

        /// What is asked.
        package struct Parameters: VarlinkObject, Hashable {
            /// Its id.
            package var id: UInt64

            /// The fields' names.
            package enum CodingKeys: String, CodingKey, CaseIterable {
                case id
            }

            /// A value from its fields.
            package init(id: UInt64) {
                self.id = id
            }
        }

        /// What is replied.
        package struct Result: VarlinkObject, Hashable {
            /// What it is doing.
            package var connection: ConnectionStatus
            /// The program that serves it, and its arguments.
            ///
            /// Absent if serverd serves it itself.
            package var command: [String]?
            /// The protocol by which serverd serves it itself.
            package var builtin: String?
            /// The user that the program runs as.
            package var user: String?

            /// The fields' names.
            package enum CodingKeys: String, CodingKey, CaseIterable {
                case connection, command, builtin, user
            }

            /// A value from its fields.
            package init(
                connection: ConnectionStatus, command: [String]? = nil, builtin: String? = nil, user: String? = nil
            ) {
                self.connection = connection
                self.command = command
                self.builtin = builtin
                self.user = user
            }
        }
    }

    /// Returns what happens, from now on, until the caller closes its connection.
    ///
    /// The first reply has no events: it says that from now on none is missed. A caller that takes replies so slowly
    /// that too many events wait for it is told TooSlow. When the daemon has stopped, as a rule the last reply
    /// is DaemonStopping.
    package enum Subscribe: ManagerMethod {
        /// What a caller needs.
        package static let permission = Permission.read

        /// What is asked.
        package struct Parameters: VarlinkObject, Hashable {
            /// Only events that concern this service, which need not exist.
            ///
            /// Those that concern no service in particular come too.
            package var service: String?
            /// Only events of these kinds.
            ///
            /// Without it, all of them.
            package var kinds: [EventKind]?

            /// The fields' names.
            package enum CodingKeys: String, CodingKey, CaseIterable {
                case service, kinds
            }

            /// A value from its fields.
            package init(service: String? = nil, kinds: [EventKind]? = nil) {
                self.service = service
                self.kinds = kinds
            }
        }

        /// What is replied.
        package struct Result: VarlinkObject, Hashable {
            /// What has happened since the last reply, in its order.
            package var events: [Event]

            /// The fields' names.
            package enum CodingKeys: String, CodingKey, CaseIterable {
                case events
            }

            /// A value from its fields.
            package init(events: [Event]) {
                self.events = events
            }
        }
    }
}
