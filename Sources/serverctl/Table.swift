// SPDX-License-Identifier: Apache-2.0
// Tables with aligned columns, as every verb that lists something prints them.

internal import Policy

/// One cell of a table.
struct Cell {
    /// What it shows, harmless to a terminal.
    let text: String
    /// The colour that repeats what it says.
    var colour: Colour?

    /// A cell that shows a text, which may come from outside.
    init(_ text: String, colour: Colour? = nil) {
        self.text = SafeText.escape(text)
        self.colour = colour
    }
}

/// Rows of cells under headings.
struct Table {
    /// The headings, and whether the column holds numbers, which end where their heading ends.
    let columns: [(heading: String, isNumber: Bool)]
    /// The rows, each with a cell for every column.
    let rows: [[Cell]]
    /// How it looks.
    let style: Style
    /// Whether there are headings.
    let legend: Bool

    /// The lines, without their ends.
    var lines: [String] {
        let all = (legend ? [columns.map { Cell($0.heading) }] : []) + rows
        var widths = columns.map { _ in 0 }
        for row in all {
            for (column, cell) in row.enumerated() { widths[column] = max(widths[column], TextWidth.of(cell.text)) }
        }
        return all.map { line($0, widths) }
    }

    private func line(_ cells: [Cell], _ widths: [Int]) -> String {
        var line = ""
        for (column, cell) in cells.enumerated() {
            let padding = String(repeating: " ", count: widths[column] - TextWidth.of(cell.text))
            let shown = style.paint(cell.text, cell.colour)
            let isLast = column == cells.count - 1
            line += columns[column].isNumber ? padding + shown : isLast ? shown : shown + padding
            if !isLast { line += "  " }
        }
        return line
    }
}

/// A title, and below it a line for each field, their names ending in one column.
struct FieldList {
    /// The first line.
    let title: String
    /// The fields in their order; both texts are harmless to a terminal.
    let fields: [(key: String, value: String)]

    /// The whole text.
    var text: String {
        let width = fields.map(\.key.count).max() ?? 0
        let lines = fields.map { field in
            String(repeating: " ", count: width - field.key.count) + "\(field.key): \(field.value)"
        }
        return ([title] + lines).map { $0 + "\n" }.joined()
    }
}
