// SPDX-License-Identifier: Apache-2.0
// How single values look: states, durations, times, JSON on a terminal.

internal import Glibc
internal import ManagerInterface
internal import Policy
internal import Varlink

/// Whether output is coloured.
///
/// Colour only repeats what a word says.
struct Style {
    /// Whether colour is added.
    let colour: Bool

    /// A text that is shown in place of a state, coloured as the state is.
    func paint(_ text: String, as state: ServiceState) -> String {
        guard colour else { return text }
        let code =
            switch state {
            case .listening: "32"
            case .full, .throttled, .suspended, .draining: "33"
            case .failed: "1;31"
            case .closed: "2"
            }
        return "\u{1b}[\(code)m\(text)\u{1b}[0m"
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

/// JSON that a terminal cannot be harmed by.
enum TerminalJSON {
    /// The JSON of a value, with a line end.
    ///
    /// What a terminal must not see is written as JSON's own escapes, and so stays what it is for a program.
    static func render(_ value: some Encodable, pretty: Bool) -> String {
        let json = String(decoding: JSONText.encode(value, pretty: pretty), as: UTF8.self)
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
