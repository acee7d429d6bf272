// SPDX-License-Identifier: Apache-2.0
// The state of `serverctl top`: what the daemon told, and what keys have made of it. Pure.

internal import ManagerInterface

/// What connections are sorted by.
enum TopSorting: Equatable {
    /// The oldest first.
    case age
    /// Those that have used most of a processor since the last sample first.
    case cpu
    /// Those that have moved most bytes, in both directions, first.
    case bytes
}

/// What is to be done about a key.
enum TopEffect: Equatable {
    /// To end.
    case quit
    /// To have the daemon close a connection.
    case close(UInt64)
    /// To draw everything anew.
    case redraw
    /// To leave the terminal to others until the process is continued.
    case suspend
}

/// The state of the view.
struct TopModel {
    /// What keys are for.
    enum Mode: Equatable {
        /// To look, sort and choose.
        case list
        /// To write the filter.
        case filter
        /// To say whether this connection is to be closed.
        case question(ConnectionStatus)
    }

    /// How many rows a page is, for keys.
    static let page = 10
    /// The longest filter, in scalars.
    static let filterLimit = 100

    /// What samples have told.
    private(set) var activity = TopActivity()
    /// What keys are for.
    private(set) var mode = Mode.list
    /// What connections are sorted by.
    private(set) var sorting = TopSorting.age
    /// What the service or the peer of a connection must contain; all are shown if it is empty.
    private(set) var filter = ""
    /// The connections that the filter lets through, sorted.
    private(set) var rows: [TopConnection] = []
    /// The index of the chosen one of ``rows``.
    private(set) var selection = 0
    /// What came of the last key that needed the daemon; it may hold text from outside.
    private(set) var message: String?
    /// Whether the choice stays with its connection wherever that goes; else it is the first row.
    private var isPinned = false

    /// Takes what the daemon told.
    mutating func take(_ sample: TopSample) {
        activity.take(sample)
        arrange()
    }

    /// Takes what came of closing a connection.
    mutating func take(message: String) { self.message = message }

    /// Takes a key, and returns what is to be done about it outside.
    mutating func press(_ key: TopKey) -> TopEffect? {
        switch key {
        case .interrupt: return .quit
        case .redraw: return .redraw
        case .suspend: return .suspend
        default: break
        }
        message = nil
        switch mode {
        case .list: return pressInList(key)
        case .filter: pressInFilter(key)
        case .question(let connection):
            mode = .list
            guard key == .character("y") || key == .character("Y") else { return nil }
            return .close(connection.id)
        }
        return nil
    }

    private mutating func pressInList(_ key: TopKey) -> TopEffect? {
        switch key {
        case .character("q"): return .quit
        case .character("a"): sort(by: .age)
        case .character("c"): sort(by: .cpu)
        case .character("b"): sort(by: .bytes)
        case .character("/"): mode = .filter
        case .character("x"): if rows.indices.contains(selection) { mode = .question(rows[selection].status) }
        case .up, .character("k"): select(selection - 1)
        case .down, .character("j"): select(selection + 1)
        case .pageUp: select(selection - Self.page)
        case .pageDown: select(selection + Self.page)
        case .home, .character("g"): select(0)
        case .end, .character("G"): select(rows.count - 1)
        case .escape: setFilter("")
        default: break
        }
        return nil
    }

    private mutating func pressInFilter(_ key: TopKey) {
        switch key {
        case .character(let scalar):
            guard filter.unicodeScalars.count < Self.filterLimit else { return }
            setFilter(filter + String(scalar))
        case .backspace: setFilter(String(String.UnicodeScalarView(filter.unicodeScalars.dropLast())))
        case .eraseLine: setFilter("")
        case .enter: mode = .list
        case .escape:
            mode = .list
            setFilter("")
        case .up: select(selection - 1)
        case .down: select(selection + 1)
        default: break
        }
    }

    private mutating func sort(by sorting: TopSorting) {
        self.sorting = sorting
        // Whoever sorts wants to see who comes first.
        isPinned = false
        arrange()
    }

    private mutating func setFilter(_ filter: String) {
        guard filter != self.filter else { return }
        self.filter = filter
        isPinned = false
        arrange()
    }

    private mutating func select(_ index: Int) {
        selection = max(0, min(index, rows.count - 1))
        isPinned = !rows.isEmpty
    }

    /// Filters and sorts, and keeps the choice where it is, or, when its connection is gone, at its place.
    private mutating func arrange() {
        let selected = rows.indices.contains(selection) ? rows[selection].status.id : nil
        let wanted = filter.lowercased()
        rows = activity.connections.filter { connection in
            wanted.isEmpty || connection.status.service.lowercased().contains(wanted)
                || ConnectionText.peer(connection.status).lowercased().contains(wanted)
        }.sorted(by: precedes)
        guard isPinned else {
            selection = 0
            return
        }
        selection = rows.firstIndex { $0.status.id == selected } ?? max(0, min(selection, rows.count - 1))
    }

    /// Whether a connection comes before another; what is not known comes last.
    private func precedes(_ one: TopConnection, _ other: TopConnection) -> Bool {
        switch sorting {
        case .age: break
        case .cpu:
            let (left, right) = (one.cpuPercent ?? -1, other.cpuPercent ?? -1)
            if left != right { return left > right }
            let (total, otherTotal) = (one.status.cpuTime ?? -1, other.status.cpuTime ?? -1)
            if total != otherTotal { return total > otherTotal }
        case .bytes:
            let (left, right) = (one.bytes ?? -1, other.bytes ?? -1)
            if left != right { return left > right }
        }
        return (one.status.startTimestamp, one.status.id) < (other.status.startTimestamp, other.status.id)
    }
}
