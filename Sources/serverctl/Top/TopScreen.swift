// SPDX-License-Identifier: Apache-2.0
// The screen of `serverctl top`: the model as so many lines of so many columns. Pure.

internal import ManagerInterface
internal import Policy

/// The model as it is seen.
struct TopScreen {
    /// What is seen.
    let model: TopModel
    /// How much room there is.
    let size: TerminalSize
    /// How it looks.
    let style: Style
    /// What bars are made of.
    var glyphs = Sparkline.Glyphs.blocks

    /// As many lines as the terminal has, none of them longer than it is wide.
    var lines: [String] {
        guard size.rows > 0 else { return [] }
        guard let sample = model.activity.sample else {
            return fill([paint("serverctl top: asking the daemon", nil)])
        }
        var room = size.rows - 1
        var lines: [String] = []
        if room > 0 {
            lines.append(paint(title(sample), .heading))
            room -= 1
        }
        let services = servicePart(room)
        lines += services
        return fill(lines + connectionPart(room - services.count))
    }

    /// The lines with empty ones below them, and the line of the keys at the bottom.
    private func fill(_ lines: [String]) -> [String] {
        let shown = lines.prefix(size.rows - 1)
        return shown + Array(repeating: "", count: size.rows - 1 - shown.count) + [bottom]
    }

    /// A line of one text, which is escaped, cut to the width.
    private func paint(_ text: String, _ colour: Colour?) -> String {
        style.paint(LineText.cut(text, to: size.columns), colour)
    }

    private func title(_ sample: TopSample) -> String {
        let daemon = sample.daemon
        return "serverd \(SafeText.escape(daemon.version)) (pid \(daemon.pid)), \(daemon.state.rawValue), "
            + "up \(TimeText.span(sample.timestamp - daemon.startTimestamp)): "
            + "\(CountText.of(sample.services.count, "service")), "
            + CountText.of(sample.connections.count, "connection")
    }

    /// The bottom line: what keys do, the question, the filter, or what came of a key.
    private var bottom: String {
        switch model.mode {
        case .question(let connection):
            let whose = SafeText.escape("\(connection.service), \(ConnectionText.peer(connection))")
            return paint("Close it? y/n: connection \(connection.id) of \(whose)", .notice)
        case .filter:
            // The end is what is being written.
            var text = SafeText.escape(model.filter)
            while !text.isEmpty, TextWidth.of(text) > size.columns - 2 { text.unicodeScalars.removeFirst() }
            return paint("/\(text)_  Enter keeps the filter, Esc shows all", nil)
        case .list:
            if let message = model.message { return paint(SafeText.escape(message), .notice) }
            return paint("q quit  a age  c CPU  b bytes  / filter  j k select  x close", .faint)
        }
    }
}

// MARK: - Services

extension TopScreen {
    /// The services, in at most a third of the lines that there are, and an empty line below them.
    private func servicePart(_ room: Int) -> [String] {
        let services = model.activity.services
        guard room >= 9, !services.isEmpty else { return [] }
        let most = max(2, (room - 6) / 3)
        let shown = services.count > most ? Self.busiest(services, most - 1) : services
        let table = FluidTable(Self.columns(of: shown), width: size.columns)
        let bars = min(TopActivity.rateLimit, size.columns - table.width - 2)
        var lines = [table.headings(style)]
        for (index, service) in shown.enumerated() {
            let line = table.row(index, style)
            lines.append(bars < 5 ? line : line + "  " + Sparkline.render(service.rates, width: bars, glyphs))
        }
        if shown.count < services.count {
            lines.append(paint("… and \(CountText.of(services.count - shown.count, "service")) less busy", .faint))
        }
        return lines + [""]
    }

    /// So many of the services: those that accept most, then those that have most connections, in their order.
    private static func busiest(_ services: [TopService], _ count: Int) -> [TopService] {
        let order = services.indices.sorted { one, other in
            let (left, right) = (services[one], services[other])
            let (rate, otherRate) = (left.rates.last ?? 0, right.rates.last ?? 0)
            if rate != otherRate { return rate > otherRate }
            let (open, otherOpen) = (left.status.connections, right.status.connections)
            return open == otherOpen ? one < other : open > otherOpen
        }
        return order.prefix(count).sorted().map { services[$0] }
    }

    private static func columns(of services: [TopService]) -> [FluidTable.Column] {
        func cells(_ text: (TopService) -> String) -> [Cell] { services.map { Cell(text($0)) } }
        return [
            .init(heading: "SERVICE", importance: 4, least: 8, cells: cells(\.status.name)),
            .init(
                heading: "STATE", importance: 1,
                cells: services.map { Cell($0.status.state.rawValue, colour: $0.status.state.colour) }),
            .init(
                heading: "CONNECTIONS", isNumber: true, importance: 2,
                cells: cells { "\($0.status.connections)/\($0.status.connectionLimit)" }),
            .init(
                heading: "ACCEPTED/S", isNumber: true, importance: 3,
                cells: cells { $0.rates.last.map(rate) ?? "-" }),
        ]
    }

    /// A rate: whole, but for one between 0 and 1.
    private static func rate(_ rate: Double) -> String {
        let tenths = Int((rate * 10).rounded())
        guard (1..<10).contains(tenths) else { return "\(Int(rate.rounded()))" }
        return "0.\(tenths)"
    }
}

// MARK: - Connections

extension TopScreen {
    /// The connections around the chosen one, in `room` lines.
    private func connectionPart(_ room: Int) -> [String] {
        guard room > 0 else { return [] }
        let rows = room > 2 ? room - 2 : room
        let first = max(0, min(model.selection - rows / 2, model.rows.count - rows))
        let shown = Array(model.rows[first..<min(first + rows, model.rows.count)])
        let table = FluidTable(columns(of: shown), width: size.columns - 2)
        let caption = paint(caption(first, shown.count), nil)
        guard !shown.isEmpty else { return [caption] }
        var lines = room > 2 ? [caption, LineText.cut("  ", to: size.columns) + table.headings(style)] : []
        for index in shown.indices { lines.append(row(index, table, isSelected: first + index == model.selection)) }
        return lines
    }

    private func row(_ index: Int, _ table: FluidTable, isSelected: Bool) -> String {
        guard isSelected else { return LineText.cut("  ", to: size.columns) + table.row(index, style) }
        let line = LineText.cut("> ", to: size.columns) + table.row(index, Style(colour: false))
        return style.paint(line, .selected)
    }

    /// What is shown of how many, and in which order.
    private func caption(_ first: Int, _ count: Int) -> String {
        let total = model.activity.connections.count
        let order =
            switch model.sorting {
            case .age: "by age, the oldest first"
            case .cpu: "by CPU, the busiest first"
            case .bytes: "by bytes, the most first"
            }
        let part = count < model.rows.count ? " (\(first + 1)-\(first + count) shown)" : ""
        guard !model.filter.isEmpty else {
            return total == 0 ? "No connections." : "\(CountText.of(total, "connection")) \(order)\(part)"
        }
        let filter = "\"\(SafeText.escape(model.filter))\""
        guard !model.rows.isEmpty else { return "None of \(CountText.of(total, "connection")) matches \(filter)." }
        return "\(model.rows.count) of \(CountText.of(total, "connection")) matching \(filter) \(order)\(part)"
    }

    private func columns(of connections: [TopConnection]) -> [FluidTable.Column] {
        let now = model.activity.sample?.timestamp ?? 0
        func cells(_ text: (TopConnection) -> String?) -> [Cell] { connections.map { Cell(text($0) ?? "-") } }
        func number(
            _ heading: String, _ importance: Int, _ text: @escaping (TopConnection) -> String?
        ) -> FluidTable.Column {
            .init(heading: heading, isNumber: true, importance: importance, cells: cells(text))
        }
        // What it is sorted by is to be seen.
        let (cpu, time, bytes) =
            switch model.sorting {
            case .age: (8, 4, 7)
            case .cpu: (20, 19, 7)
            case .bytes: (8, 4, 20)
            }
        let columns = [
            number("ID", 30) { "\($0.status.id)" },
            .init(heading: "SERVICE", importance: 9, least: 8, cells: cells(\.status.service)),
            .init(
                heading: "STATE", importance: 6,
                cells: connections.map { Cell($0.status.state.rawValue, colour: $0.status.state.colour) }),
            .init(
                heading: "PEER", importance: 25, least: 15, cells: cells { ConnectionText.peer($0.status) }),
            number("PID", 2) { $0.status.pid.map { "\($0)" } },
            number("AGE", 10) { TimeText.span(from: $0.status.startTimestamp, to: now) },
            number("CPU", cpu) { $0.cpuPercent.map { "\(Int($0.rounded()))%" } },
            number("TIME", time) { $0.status.cpuTime.map(TimeText.fineSpan) },
            number("MEMORY", 1) { $0.status.memory.map(SizeText.of) },
            number("IN", bytes) { $0.status.bytesIn.map(SizeText.of) },
            number("OUT", bytes) { $0.status.bytesOut.map(SizeText.of) },
        ]
        // On a usual terminal the peer's whole address is worth more.
        return size.columns >= 100 ? columns : columns.filter { $0.importance > 2 }
    }
}
