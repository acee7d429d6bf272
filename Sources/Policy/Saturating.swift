// SPDX-License-Identifier: Apache-2.0
// Sums and differences of numbers that came from elsewhere: at the end of the range they stay there, and trap never.

extension FixedWidthInteger {
    /// The sum, or the bound that it lies beyond.
    package func saturatingAdd(_ other: Self) -> Self {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }

    /// The difference, or the bound that it lies beyond.
    package func saturatingSubtract(_ other: Self) -> Self {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }
}
