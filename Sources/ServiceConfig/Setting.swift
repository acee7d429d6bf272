// SPDX-License-Identifier: Apache-2.0
// The settings in effect, each with the place it came from; the places are kept beside the definitions, not in them.

/// One setting in effect.
package struct Setting: Equatable, Sendable {
    /// Where a setting came from.
    package enum Origin: Equatable, Sendable, CustomStringConvertible {
        /// Nobody wrote it.
        case standard
        /// It was written in this file, with its key on this line.
        case written(file: String, line: Int)

        /// `services.d/git.toml:3`, or `default`; the file's name is not escaped.
        package var description: String {
            switch self {
            case .standard: "default"
            case .written(let file, let line): "\(file):\(line)"
            }
        }
    }

    /// The key, as files write it.
    package let key: String
    /// The value as TOML, on one line without control characters; nil when there is none and the daemon decides, as on
    /// a limit that nobody set.
    package let value: String?
    /// Where it came from.
    package let origin: Origin
}

/// On which lines of a file its keys stand.
struct KeyLines<Key: RawRepresentable<String> & Equatable & Sendable>: Sendable {
    struct Line: Sendable {
        let key: Key
        let number: Int
    }

    let file: String
    /// One line for each key that is there.
    let lines: [Line]

    func origin(of key: Key) -> Setting.Origin {
        guard let line = lines.first(where: { $0.key == key }) else { return .standard }
        return .written(file: file, line: line.number)
    }
}

extension Configuration {
    /// The settings in effect of the service with this name, in the order in which a file would say them; nil when
    /// there is no such service.
    ///
    /// Settings that cannot apply, such as the program's user for a built-in, are left out.
    package func settings(of name: ServiceName) -> [Setting]? {
        guard let service = self[name] else { return nil }
        let keyLines = keyLines(of: service)
        return service.values.map { key, value in
            Setting(key: key.rawValue, value: value, origin: keyLines?.origin(of: key) ?? .standard)
        }
    }

    /// The daemon's own settings in effect.
    package var daemonSettings: [Setting] {
        settings.values.map { key, value, _ in
            Setting(key: key.rawValue, value: value, origin: daemonKeyLines?.origin(of: key) ?? .standard)
        }
    }
}
