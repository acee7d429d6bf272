// SPDX-License-Identifier: Apache-2.0
// The methods of `io.serverd.Manager` that change something.

package import Varlink

extension Manager {
    /// Closes a service: peers that have connected are still served, then it listens no more.
    ///
    /// It stays closed until OpenService, or a reload that changes it, or the daemon's next start. With "keep" the call
    /// ends when the service has stopped listening. Else those whom it has not accepted by the end of the grace are
    /// refused.
    package enum CloseService: ManagerMethod {
        /// What a caller needs.
        package static let permission = Permission.operate

        /// What is asked.
        package struct Parameters: VarlinkObject, Hashable {
            /// Its name.
            package var service: String
            /// What to do with the connections that it has.
            ///
            /// Absent means keep.
            package var existing: ExistingConnections?
            /// How long they may go on before they are asked to end, in microseconds.
            ///
            /// Absent means not at all. Not with keep.
            package var grace: Int64?
            /// How long until those that are left are sent SIGKILL, from now on, in microseconds.
            ///
            /// Absent means grace and then the stop_timeout of the configuration. Not with keep.
            package var deadline: Int64?

            /// The fields' names.
            package enum CodingKeys: String, CodingKey, CaseIterable {
                case service, existing, grace, deadline
            }

            /// A value from its fields.
            package init(
                service: String, existing: ExistingConnections? = nil, grace: Int64? = nil, deadline: Int64? = nil
            ) {
                self.service = service
                self.existing = existing
                self.grace = grace
                self.deadline = deadline
            }
        }
        /// What is replied.
        package typealias Result = ProgressReply
    }

    /// Has a service that is closed, or has failed, listen now.
    ///
    /// If it cannot, its state is failed afterwards, and the daemon goes on trying. A service that listens stays as it
    /// is. One that is draining cannot be opened: WrongState.
    package enum OpenService: ManagerMethod {
        /// What a caller needs.
        package static let permission = Permission.operate
        /// What is asked.
        package typealias Parameters = ServiceParameters
        /// What is replied.
        package typealias Result = ServiceReply
    }

    /// Has all services listen now that are closed or have failed: the counterpart of Drain.
    ///
    /// While one of them is draining, none is opened: WrongState. Those that listen stay as they are.
    package enum OpenServices: ManagerMethod {
        /// What a caller needs.
        package static let permission = Permission.operate
        /// Nothing is asked.
        package typealias Parameters = NoFields

        /// What is replied.
        package struct Result: VarlinkObject, Hashable {
            /// The services that did not listen before, and do now, by name.
            package var opened: [String]
            /// The addresses that still are not listened on.
            ///
            /// The services are open: see OpenService.
            package var notListening: [NotListening]

            /// The fields' names.
            package enum CodingKeys: String, CodingKey, CaseIterable {
                case opened, notListening
            }

            /// A value from its fields.
            package init(opened: [String], notListening: [NotListening] = []) {
                self.opened = opened
                self.notListening = notListening
            }
        }
    }

    /// Has a service stop accepting until ResumeService: its addresses stay taken, peers wait in the kernel's queue,
    /// and its connections go on.
    ///
    /// A service that is suspended stays so. One that is draining or closed cannot be suspended: WrongState.
    package enum SuspendService: ManagerMethod {
        /// What a caller needs.
        package static let permission = Permission.operate
        /// What is asked.
        package typealias Parameters = ServiceParameters
        /// What is replied.
        package typealias Result = ServiceReply
    }

    /// Ends the suspension of a service; one that is throttled accepts again at once.
    ///
    /// A service that is not held back stays as it is. One that is draining or closed cannot be resumed: WrongState.
    package enum ResumeService: ManagerMethod {
        /// What a caller needs.
        package static let permission = Permission.operate
        /// What is asked.
        package typealias Parameters = ServiceParameters
        /// What is replied.
        package typealias Result = ServiceReply
    }

    /// Ends one connection.
    package enum CloseConnection: ManagerMethod {
        /// What a caller needs.
        package static let permission = Permission.operate

        /// What is asked.
        package struct Parameters: VarlinkObject, Hashable {
            /// Its id.
            package var id: UInt64
            /// How.
            ///
            /// Absent means stop.
            package var by: CloseBy?
            /// How long until its handler is sent SIGKILL, from now on, in microseconds.
            ///
            /// Absent means the stop_timeout of the configuration.
            package var deadline: Int64?

            /// The fields' names.
            package enum CodingKeys: String, CodingKey, CaseIterable {
                case id, by, deadline
            }

            /// A value from its fields.
            package init(id: UInt64, by: CloseBy? = nil, deadline: Int64? = nil) {
                self.id = id
                self.by = by
                self.deadline = deadline
            }
        }

        /// What is replied.
        package struct Result: VarlinkObject, Hashable {
            /// How far it has come.
            package var progress: ClosingProgress
            /// How it ended, when it has.
            package var exit: ExitReport?

            /// The fields' names.
            package enum CodingKeys: String, CodingKey, CaseIterable {
                case progress, exit
            }

            /// A value from its fields.
            package init(progress: ClosingProgress, exit: ExitReport? = nil) {
                self.progress = progress
                self.exit = exit
            }
        }
    }

    /// Ends the connections that there are now and that a filter holds for.
    package enum CloseConnections: ManagerMethod {
        /// What a caller needs.
        package static let permission = Permission.operate

        /// What is asked.
        package struct Parameters: VarlinkObject, Hashable {
            /// Which ones.
            ///
            /// It must have a condition: InvalidFilter.
            package var filter: ConnectionFilter
            /// How.
            ///
            /// Absent means stop.
            package var by: CloseBy?
            /// How long until their handlers are sent SIGKILL, from now on, in microseconds.
            ///
            /// Absent means the stop_timeout of the configuration.
            package var deadline: Int64?

            /// The fields' names.
            package enum CodingKeys: String, CodingKey, CaseIterable {
                case filter, by, deadline
            }

            /// A value from its fields.
            package init(filter: ConnectionFilter, by: CloseBy? = nil, deadline: Int64? = nil) {
                self.filter = filter
                self.by = by
                self.deadline = deadline
            }
        }
        /// What is replied.
        package typealias Result = ProgressReply
    }

    /// Closes all services, as CloseService does with "stop".
    ///
    /// The daemon itself goes on, and its services can be opened again: OpenServices opens all of them.
    package enum Drain: ManagerMethod {
        /// What a caller needs.
        package static let permission = Permission.operate

        /// What is asked.
        package struct Parameters: VarlinkObject, Hashable {
            /// How long connections may go on before they are asked to end, in microseconds.
            ///
            /// Absent means what the deadline leaves before the stop_timeout of the configuration; without a deadline,
            /// its drain_timeout.
            package var grace: Int64?
            /// How long until those that are left are sent SIGKILL, from now on, in microseconds.
            ///
            /// Absent means grace and then the stop_timeout of the configuration.
            package var deadline: Int64?

            /// The fields' names.
            package enum CodingKeys: String, CodingKey, CaseIterable {
                case grace, deadline
            }

            /// A value from its fields.
            package init(grace: Int64? = nil, deadline: Int64? = nil) {
                self.grace = grace
                self.deadline = deadline
            }
        }
        /// What is replied.
        package typealias Result = ProgressReply
    }

    /// Changes how many connections a service may have.
    ///
    /// Connections beyond a lower limit go on, and none is accepted until there are fewer. It holds until a reload that
    /// changes the service, or the daemon's next start.
    package enum SetLimit: ManagerMethod {
        /// What a caller needs.
        package static let permission = Permission.operate

        /// What is asked.
        package struct Parameters: VarlinkObject, Hashable {
            /// Its name.
            package var service: String
            /// How many it may have: see LimitOutOfRange.
            package var maxConnections: Int

            /// The fields' names.
            package enum CodingKeys: String, CodingKey, CaseIterable {
                case service, maxConnections
            }

            /// A value from its fields.
            package init(service: String, maxConnections: Int) {
                self.service = service
                self.maxConnections = maxConnections
            }
        }
        /// What is replied.
        package typealias Result = ServiceReply
    }

    /// Turns the caller's connection into one of a service that has "connect = true".
    ///
    /// After the reply it is the handler that speaks, as to a peer that had connected to one of the service's
    /// addresses, and with the same limits. Its peer is the caller's user, in the variables IPCREMOTEEUID and so on.
    package enum Connect: ManagerMethod {
        /// What a caller needs.
        package static let permission = Permission.connect
        /// What is asked.
        package typealias Parameters = ServiceParameters

        /// What is replied.
        package struct Result: VarlinkObject, Hashable {
            /// The id of the connection.
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
    }
}
