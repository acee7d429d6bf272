// SPDX-License-Identifier: Apache-2.0
// Durations as people write them in a configuration, both ways: `500ms`, `30s`, `1min 30s`, `2h`.

extension Duration {
    /// The units, longest first, in milliseconds.
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000), ("ms", 1),
    ]

    /// Reads whole numbers with a unit, one after the other: `500ms`, `30s`, `1min 30s`, `2h`, `1d`.
    ///
    /// Returns nil for anything else: a bare number says no unit, and guessing one is how a second becomes a minute.
    package init?(text: String) {
        var total: Int64 = 0
        var rest = Substring(text)
        repeat {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            let name = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(name.count).drop { $0 == " " }
            guard let number = Int64(digits), let unit = Self.units.first(where: { $0.name == name }) else {
                return nil
            }
            let (part, tooLong) = number.multipliedReportingOverflow(by: unit.milliseconds)
            let (sum, overflow) = total.addingReportingOverflow(part)
            guard !tooLong, !overflow else { return nil }
            total = sum
        } while !rest.isEmpty
        self = .milliseconds(total)
    }

    /// The text that ``init(text:)`` reads back, to the millisecond: `1min 30s`; `0s` for nothing.
    package var text: String {
        var rest = wholeMilliseconds
        var parts: [String] = []
        for unit in Self.units where rest >= unit.milliseconds {
            parts.append("\(rest / unit.milliseconds)\(unit.name)")
            rest %= unit.milliseconds
        }
        return parts.isEmpty ? "0s" : parts.joined(separator: " ")
    }
}
