// SPDX-License-Identifier: Apache-2.0
// Durations as whole numbers of a unit, for everything that counts in one.

extension Duration {
    /// Whole milliseconds; what is left over is cut off.
    package var wholeMilliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }

    /// Whole microseconds; what is left over is cut off.
    package var wholeMicroseconds: Int64 { components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000 }
}
