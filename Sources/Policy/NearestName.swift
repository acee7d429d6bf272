// SPDX-License-Identifier: Apache-2.0
// Finds the name that was probably meant by a misspelt one.

/// The search for "did you mean".
package enum NearestName {
    /// The longest name that is compared: the work grows with the product of the lengths.
    private static let maximumLength = 64

    /// The candidate nearest to `name` by ``distance(_:_:)``, ignoring case, if it is near enough to be meant: at most
    /// a third of its letters wrong.
    ///
    /// Of several equally near the first.
    package static func find(_ name: String, among candidates: [String]) -> String? {
        guard name.utf8.count <= maximumLength else { return nil }
        var best: (name: String, distance: Int)?
        for candidate in candidates {
            let distance = distance(Array(name.lowercased().utf8), Array(candidate.lowercased().utf8))
            if distance <= max(1, candidate.utf8.count / 3), distance < best?.distance ?? .max {
                best = (candidate, distance)
            }
        }
        return best?.name
    }

    /// How many letters must be added, removed, replaced or swapped with their neighbour to make `b` of `a`.
    static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var beforeLast = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        for (i, letter) in a.enumerated() {
            var row = [i + 1]
            for (j, other) in b.enumerated() {
                var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (letter == other ? 0 : 1))
                if i > 0, j > 0, letter == b[j - 1], a[i - 1] == other { cost = min(cost, beforeLast[j - 1] + 1) }
                row.append(cost)
            }
            (beforeLast, last) = (last, row)
        }
        return last[b.count]
    }
}
