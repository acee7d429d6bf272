// SPDX-License-Identifier: Apache-2.0
// The words of the method Reexec.

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
