// SPDX-License-Identifier: Apache-2.0
// The text of a configuration error.

internal import Policy

extension ConfigError {
    /// The error in lines, each of which ends in a newline; nothing in them disturbs a terminal or forges a line.
    package var rendered: String {
        var mistake = PlacedMistake(file: file, message: message)
        mistake.line = line
        mistake.column = column
        mistake.text = place?.sourceLine
        mistake.expected = expected
        mistake.suggestion = suggestion
        return mistake.rendered
    }
}
