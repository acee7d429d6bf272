// SPDX-License-Identifier: Apache-2.0
// One mistake in the configuration, and all of them together, as values.

/// One mistake in the configuration, with what a person needs to mend it.
package struct ConfigError: Error, Equatable, Sendable {
    /// A place in a file with the text that stands there.
    package struct Place: Equatable, Sendable {
        /// The line and column.
        package let position: SourcePosition
        /// The whole line, without its end; not escaped.
        package let sourceLine: String

        /// A place from its parts.
        package init(position: SourcePosition, sourceLine: String) {
            self.position = position
            self.sourceLine = sourceLine
        }
    }

    /// The file.
    package let file: String
    /// Where in it; nil when the file as a whole is wrong, such as unreadable.
    package let place: Place?
    /// What is wrong.
    package let message: String
    /// What was expected there.
    package let expected: String?
    /// What was probably meant: a key or a value.
    package let suggestion: String?

    /// An error from its parts.
    package init(file: String, place: Place?, message: String, expected: String? = nil, suggestion: String? = nil) {
        self.file = file
        self.place = place
        self.message = message
        self.expected = expected
        self.suggestion = suggestion
    }

    /// The line, if the error has a place.
    package var line: Int? { place?.position.line }
    /// The column, if the error has a place.
    package var column: Int? { place?.position.column }
}

/// Every mistake that was found in a configuration: at least one.
package struct ConfigErrors: Error, Equatable, Sendable {
    /// The most errors that are told at once.
    package static let limit = 100

    /// The errors, in the order of the files and of the places in them; of more than ``limit`` the first.
    package let errors: [ConfigError]
    /// Whether there are more.
    package let hasMore: Bool

    /// One error.
    package init(_ error: ConfigError) {
        errors = [error]
        hasMore = false
    }

    /// Several errors; nil when there are none.
    package init?(_ errors: [ConfigError]) {
        guard !errors.isEmpty else { return nil }
        self.errors = Array(errors.prefix(Self.limit))
        hasMore = errors.count > Self.limit
    }
}

extension ConfigErrors: CustomStringConvertible {
    /// All errors as ``ConfigError/rendered`` shows them, and their number when there are several.
    package var description: String {
        let text = errors.map(\.rendered).joined()
        guard !hasMore else { return text + "\(errors.count) errors, and more\n" }
        return errors.count == 1 ? text : text + "\(errors.count) errors\n"
    }
}
