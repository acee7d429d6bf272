// SPDX-License-Identifier: Apache-2.0
// Numbers as a row of bars, one column each.

/// A row of bars.
enum Sparkline {
    /// Which characters the bars are made of.
    enum Glyphs {
        /// Block elements, for terminals that show UTF-8.
        case blocks
        /// Characters that every terminal has.
        case ascii

        /// From nothing to the most.
        var levels: [Character] {
            switch self {
            case .blocks: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
            case .ascii: ["_", ".", ",", "-", "=", "+", "*", "#"]
            }
        }
    }

    /// The last `width` of the values, the newest at the right end of the `width` columns.
    ///
    /// The highest bar is the highest of the values that are shown, but at least 1: what is next to nothing looks so.
    /// Only zero has the lowest bar.
    static func render(_ values: [Double], width: Int, _ glyphs: Glyphs) -> String {
        let shown = values.suffix(max(0, width))
        let highest = max(1, shown.max() ?? 1)
        let levels = glyphs.levels
        let bars = shown.map { value in
            guard value > 0 else { return levels[0] }
            // The highest value itself may come out a trifle above the highest level.
            return levels[min(levels.count - 1, Int((value * Double(levels.count - 1) / highest).rounded(.up)))]
        }
        return String(repeating: " ", count: max(0, width) - bars.count) + String(bars)
    }
}
