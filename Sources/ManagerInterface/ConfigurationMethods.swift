// SPDX-License-Identifier: Apache-2.0
// The methods of `io.serverd.Manager` that read the configuration.

package import Varlink

extension Manager {
    /// Reads the configuration and puts it into effect: all of it, or, if it is invalid, nothing.
    ///
    /// It ends when the new services listen and those that were removed do not; what that leaves to drain goes on. That
    /// an address cannot be listened on is no reason to change nothing: it is told in notListening, and all else is in
    /// effect.
    package enum Reload: ManagerMethod {
        /// What a caller needs.
        package static let permission = Permission.operate
        /// Nothing is asked.
        package typealias Parameters = NoFields

        /// What is replied.
        package struct Result: VarlinkObject, Hashable {
            /// What it has changed.
            package var changes: ConfigurationChanges
            /// The addresses that it was to open, and that are not listened on.
            package var notListening: [NotListening]
            /// What may be a mistake all the same.
            package var warnings: [ConfigurationWarning]

            /// The fields' names.
            package enum CodingKeys: String, CodingKey, CaseIterable {
                case changes, notListening, warnings
            }

            /// A value from its fields.
            package init(
                changes: ConfigurationChanges, notListening: [NotListening] = [], warnings: [ConfigurationWarning] = []
            ) {
                self.changes = changes
                self.notListening = notListening
                self.warnings = warnings
            }
        }
    }

    /// Reads the configuration and returns what Reload would change, without doing it.
    package enum Plan: ManagerMethod {
        /// What a caller needs.
        package static let permission = Permission.read
        /// Nothing is asked.
        package typealias Parameters = NoFields

        /// What is replied.
        package struct Result: VarlinkObject, Hashable {
            /// What it would change.
            package var changes: ConfigurationChanges
            /// What may be a mistake all the same.
            package var warnings: [ConfigurationWarning]

            /// The fields' names.
            package enum CodingKeys: String, CodingKey, CaseIterable {
                case changes, warnings
            }

            /// A value from its fields.
            package init(changes: ConfigurationChanges, warnings: [ConfigurationWarning] = []) {
                self.changes = changes
                self.warnings = warnings
            }
        }
    }
}
