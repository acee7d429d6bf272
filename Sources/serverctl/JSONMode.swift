// SPDX-License-Identifier: Apache-2.0
// The option --json, as systemd's tools have it.

internal import ArgumentParser

/// How a result is written in JSON, if at all; systemd's words.
enum JSONMode: String, CaseIterable, ExpressibleByArgument {
    case pretty, short, off

    /// The arguments with the mode that a bare `--json` stands for: an option's value is optional only after `=`.
    static func withDefault(_ arguments: [String]) -> [String] {
        let options = arguments.prefix { $0 != "--" }
        return options.map { $0 == "--json" ? "--json=\(pretty.rawValue)" : $0 }
            + arguments.dropFirst(options.count)
    }

    /// The value in this mode, or, where it is off, what `text` returns.
    func render(_ value: some Encodable, or text: () -> String) -> String {
        switch self {
        case .pretty: TerminalJSON.render(value, pretty: true)
        case .short: TerminalJSON.render(value, pretty: false)
        case .off: text()
        }
    }
}
