// SPDX-License-Identifier: Apache-2.0
// The colours of the output, and which of them states have.

internal import ManagerInterface

/// A meaning that a colour repeats.
enum Colour: String {
    /// As it should be.
    case good = "32"
    /// Not quite, or not for long.
    case notice = "33"
    /// Wrong.
    case bad = "1;31"
    /// Of no concern.
    case faint = "2"
    /// The heading of a column.
    case heading = "1"
    /// What keys act on.
    case selected = "7"
}

/// Whether output is coloured.
///
/// Colour only repeats what a word says.
struct Style {
    /// Whether colour is added.
    let colour: Bool

    /// A text, in a colour if it has one.
    func paint(_ text: String, _ colour: Colour?) -> String {
        guard self.colour, let colour else { return text }
        return "\u{1b}[\(colour.rawValue)m\(text)\u{1b}[0m"
    }
}

extension ServiceState {
    /// The colour that repeats what this state means.
    var colour: Colour {
        switch self {
        case .listening: .good
        case .opening, .full, .throttled, .suspended, .draining: .notice
        case .failed: .bad
        case .closed: .faint
        }
    }
}

extension ConnectionState {
    /// The colour that repeats what this state means.
    var colour: Colour {
        switch self {
        case .starting, .serving: .good
        case .stopping, .lingering: .notice
        case .killing: .bad
        }
    }
}
