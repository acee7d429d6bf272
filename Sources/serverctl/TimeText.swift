// SPDX-License-Identifier: Apache-2.0
// How spans and points of time look.

internal import Glibc
internal import Policy

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

    /// The span from one point of time to another, as ``span(_:)`` has it.
    static func span(from start: Int64, to end: Int64) -> String { span(end.saturatingSubtract(start)) }

    /// A span as ``span(_:)`` has it, in milliseconds if it is shorter than a second.
    static func fineSpan(_ microseconds: Int64) -> String {
        (0..<1_000_000).contains(microseconds) ? "\(microseconds / 1000)ms" : span(microseconds)
    }

    /// The time until a point, rounded up, so that there is none left only when it has come.
    static func left(until point: Int64, now: Int64) -> String {
        span(point.saturatingSubtract(now).saturatingAdd(999_999))
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
