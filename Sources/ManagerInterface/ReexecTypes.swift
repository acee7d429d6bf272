// SPDX-License-Identifier: Apache-2.0
// The method Reexec and its words.

package import Varlink

/// How far a Reexec has come.
package enum ReexecStep: String, Codable, CaseIterable, Sendable {
    /// The program at the daemon's path can go on with its state and the configuration.
    case checked
    /// Nobody is accepted, and every connection that goes on is with a program; the replacement follows at once.
    case replacing
}

/// Why the daemon was not replaced.
package enum ReexecObstacle: String, Codable, CaseIterable, Sendable {
    /// Something is under way, such as a reload or a closing, that would be lost.
    case busy
    /// The program at the daemon's path cannot be executed.
    case program
    /// The program says that it cannot take over.
    case check
}

extension Manager {
    /// Replaces the daemon, in its process, by the program that is at its path now.
    ///
    /// Listeners, the connections that programs have, ids, counters, limits and suspensions go on. After the reply
    /// `replacing` every connection to the admin socket ends, this one too.
    package enum Reexec: ManagerMethod {
        /// What a caller needs.
        package static let permission = Permission.operate
        /// Nothing is asked.
        package typealias Parameters = NoFields

        /// What is replied.
        package struct Result: VarlinkObject, Hashable {
            /// How far it has come.
            package var step: ReexecStep
            /// The version of the daemon.
            package var from: String
            /// The version of the program that takes its place.
            package var to: String
            /// How many connections were ended.
            package var ended: Int?

            /// The fields' names.
            package enum CodingKeys: String, CodingKey, CaseIterable {
                case step, from, to, ended
            }

            /// A value from its fields.
            package init(step: ReexecStep, from: String, to: String, ended: Int? = nil) {
                self.step = step
                self.from = from
                self.to = to
                self.ended = ended
            }
        }
    }

    /// The daemon was not replaced, and goes on.
    package struct ReexecRefused: ManagerError, Hashable {
        /// Why not.
        package var obstacle: ReexecObstacle
        /// The same in words.
        package var detail: String

        /// The fields' names.
        package enum CodingKeys: String, CodingKey, CaseIterable {
            case obstacle, detail
        }

        /// The error with its fields.
        package init(obstacle: ReexecObstacle, detail: String) {
            self.obstacle = obstacle
            self.detail = detail
        }
    }
}
