// SPDX-License-Identifier: Apache-2.0
// How single values look: states, durations, times, sizes, JSON on a terminal.

internal import Glibc
internal import ManagerInterface
internal import Policy
internal import Varlink

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
        case .full, .throttled, .suspended, .draining: .notice
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

/// Spans and points of time, in microseconds, for people.
enum TimeText {
    /// A span in its two largest units: `3d 4h`, `2min 5s`, `0s`.
    ///
    /// A negative one, after a clock was set back, is `0s`.
    static func span(_ microseconds: Int64) -> String {
        var seconds = max(0, microseconds / 1_000_000)
        var parts: [String] = []
        for (unit, length) in [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)] as [(String, Int64)] {
            if seconds >= length { parts.append("\(seconds / length)\(unit)") } else if !parts.isEmpty { break }
            seconds %= length
            if parts.count == 2 { break }
        }
        return parts.isEmpty ? "0s" : parts.joined(separator: " ")
    }

    /// A span as ``span(_:)`` has it, in milliseconds if it is shorter than a second.
    static func fineSpan(_ microseconds: Int64) -> String {
        (0..<1_000_000).contains(microseconds) ? "\(microseconds / 1000)ms" : span(microseconds)
    }

    /// The time until a point, rounded up, so that there is none left only when it has come.
    static func left(until point: Int64, now: Int64) -> String { span(point - now + 999_999) }

    /// A point of time in UTC: `2026-01-31 12:00:05 UTC`.
    static func point(_ microseconds: Int64) -> String {
        var seconds = time_t(microseconds / 1_000_000)
        var fields = tm()
        // It fails only for years beyond 2^31.
        guard gmtime_r(&seconds, &fields) != nil else { return "\(microseconds) µs" }
        let date = "\(Int(fields.tm_year) + 1900)-\(pad(fields.tm_mon + 1))-\(pad(fields.tm_mday))"
        return "\(date) \(pad(fields.tm_hour)):\(pad(fields.tm_min)):\(pad(fields.tm_sec)) UTC"
    }

    private static func pad(_ number: CInt) -> String { number < 10 ? "0\(number)" : "\(number)" }
}

/// Sizes, in bytes, for people.
enum SizeText {
    /// A size in its largest unit: `512`, `1.5K`, `20.0M`.
    static func of(_ bytes: Int64) -> String {
        var rest = bytes
        guard rest >= 1024 else { return "\(bytes)" }
        let units = ["K", "M", "G", "T", "P", "E"]
        var unit = 0
        while rest >= 1024 * 1024, unit < units.count - 1 {
            rest /= 1024
            unit += 1
        }
        let fraction = rest % 1024 * 10 / 1024
        return "\(rest / 1024).\(fraction)\(units[unit])"
    }
}

/// JSON that a terminal cannot be harmed by.
enum TerminalJSON {
    /// The JSON of a value, with a line end.
    ///
    /// What a terminal must not see is written as JSON's own escapes, and so stays what it is for a program.
    static func render(_ value: some Encodable, pretty: Bool) -> String {
        let bytes = JSONText.encode(value, pretty: pretty)
        let json = String(decoding: bytes, as: UTF8.self)
        guard bytes.contains(where: { $0 != UInt8(ascii: "\n") && !(0x20..<0x7f).contains($0) }) else {
            return json + "\n"
        }
        var result = ""
        for scalar in json.unicodeScalars {
            // The line ends between members are no part of a string: in strings they are escaped already.
            guard scalar != "\n", SafeText.isUnsafe(scalar) else {
                result.unicodeScalars.append(scalar)
                continue
            }
            for unit in String(scalar).utf16 {
                let digits = String(unit, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        return result + "\n"
    }
}
