// SPDX-License-Identifier: Apache-2.0
// The text of something doubtful in a configuration: where, and what.

/// Something in a configuration that may be a mistake, as a person is told of it.
package struct PlacedWarning: Equatable, Sendable {
    /// The file; nil when it is about the configuration as a whole.
    package var file: String?
    /// The line in it, from 1.
    package var line: Int?
    /// What is doubtful.
    package var message: String

    /// A warning about a place, or about everything.
    package init(file: String? = nil, line: Int? = nil, _ message: String) {
        self.file = file
        self.line = line
        self.message = message
    }

    /// One line without its end, such as `services.d/git.toml:1: warning: …`; nothing in it disturbs a terminal.
    package var headline: String {
        let place = file.map { SafeText.escape($0) + (line.map { ":\($0)" } ?? "") + ": " } ?? ""
        return "\(place)warning: \(SafeText.escape(message))"
    }
}
