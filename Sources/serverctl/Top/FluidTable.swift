// SPDX-License-Identifier: Apache-2.0
// A table that fits into any width: columns are cut, and the least important ones left out.

internal import Policy

/// Rows of cells under headings, in no more columns of the terminal than there are.
struct FluidTable {
    /// A column.
    struct Column {
        /// Its heading.
        let heading: String
        /// Whether it holds numbers, which end where their heading ends.
        var isNumber = false
        /// Which columns are left out first: those with the lowest importance.
        let importance: Int
        /// To how many columns of the terminal its texts may be cut; `nil` if they may not.
        var least: Int?
        /// A cell for every row.
        let cells: [Cell]

        /// The width in which nothing is cut.
        var natural: Int { cells.reduce(TextWidth.of(heading)) { max($0, TextWidth.of($1.text)) } }
    }

    /// The width of the space between columns.
    private static let gap = 2
    /// The columns that are shown, each with its width.
    private let shown: [(column: Column, width: Int)]

    /// The table in `width` columns of the terminal.
    init(_ columns: [Column], width: Int) {
        let natural = columns.map(\.natural)
        var widths = zip(columns, natural).map { column, natural in min(column.least ?? natural, natural) }
        var kept = Array(columns.indices)
        func used() -> Int { kept.reduce(Self.gap * (kept.count - 1)) { $0 + widths[$1] } }
        while kept.count > 1, used() > width {
            let excess = used() - width
            if kept.count == 2, let index = kept.first(where: { columns[$0].least != nil && widths[$0] - excess >= 5 })
            {
                // Two columns, one of them cut to what still tells something, are better than one.
                widths[index] -= excess
                break
            }
            // Of equals the last one goes.
            guard let last = kept.reversed().min(by: { columns[$0].importance < columns[$1].importance }) else { break }
            kept.removeAll { $0 == last }
        }
        for index in kept {
            widths[index] += max(0, min(natural[index] - widths[index], width - used()))
        }
        shown = kept.map { (columns[$0], min(widths[$0], max(0, width))) }
    }

    /// How many columns of the terminal each line takes.
    var width: Int { shown.reduce(Self.gap * max(0, shown.count - 1)) { $0 + $1.width } }

    /// The line of the headings.
    func headings(_ style: Style) -> String {
        style.paint(line { column, width in LineText.fit(column.heading, width, isNumber: column.isNumber) }, .heading)
    }

    /// The line of a row, in the colours of its cells.
    func row(_ index: Int, _ style: Style) -> String {
        line { column, width in
            let cell = column.cells[index]
            let text = LineText.fit(cell.text, width, isNumber: column.isNumber)
            guard let colour = cell.colour else { return text }
            // Blanks have no colour.
            let blanks = text.reversed().prefix { $0 == " " }.count
            return style.paint(String(text.dropLast(blanks)), colour) + String(repeating: " ", count: blanks)
        }
    }

    private func line(_ cell: (Column, Int) -> String) -> String {
        shown.map(cell).joined(separator: String(repeating: " ", count: Self.gap))
    }
}
