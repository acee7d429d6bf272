// SPDX-License-Identifier: Apache-2.0
// Numbers with their nouns.

/// Numbers with their nouns, for people.
package enum CountText {
    /// `1 service`, `2 services`; `noun` is the singular of a word that takes an `s`.
    package static func of(_ count: Int, _ noun: String) -> String { count == 1 ? "1 \(noun)" : "\(count) \(noun)s" }
}
