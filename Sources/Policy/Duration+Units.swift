// SPDX-License-Identifier: Apache-2.0
// Durations as whole numbers of a unit, for everything that counts in one.

extension Duration {
    /// Whole milliseconds; what is left over is cut off.
    package var wholeMilliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }

    /// Whole microseconds; what is left over is cut off.
    package var wholeMicroseconds: Int64 { components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000 }

    /// Whole nanoseconds; what is left over is cut off, and of 292 years and more the rest.
    ///
    /// A quotient of durations would be a `Double`, which may lie just below the number.
    package var wholeNanoseconds: Int64 {
        let (nanoseconds, overflow) = components.seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return components.seconds < 0 ? .min : .max }
        return nanoseconds.saturatingAdd(components.attoseconds / 1_000_000_000)
    }
}
