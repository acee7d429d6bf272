// SPDX-License-Identifier: Apache-2.0
// Mistakes and doubts of the configuration that the daemon told, as `serverd --check` prints them.

internal import ManagerInterface
internal import Policy

extension ConfigurationError {
    /// The mistake in lines, each with its end.
    var rendered: String { mistake.rendered }

    /// Where it is and what is wrong, on one line.
    var headline: String { mistake.headline }

    private var mistake: PlacedMistake {
        var mistake = PlacedMistake(file: file, message: message)
        mistake.line = line
        mistake.column = column
        mistake.text = text
        mistake.expected = expected
        mistake.suggestion = hint
        return mistake
    }
}

extension ConfigurationWarning {
    /// The warning, on one line without its end.
    var headline: String { PlacedWarning(file: file, line: line, message).headline }
}
