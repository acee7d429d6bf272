// SPDX-License-Identifier: Apache-2.0
// How sizes look.

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
