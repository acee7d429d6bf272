// SPDX-License-Identifier: Apache-2.0
// The state of `serverctl top`: what keys and samples make of it.

internal import ManagerInterface
internal import Testing

@testable internal import serverctl

@Suite("state of serverctl top")
struct TopModelTests {
    @Test("connections are sorted by age, by CPU, and by bytes; what is not known comes last")
    func sorting() {
        var model = TopSamples.busy()
        #expect(model.ids == [812, 815, 1010, 1007])
        model.type("c")
        #expect(model.ids == [812, 1010, 815, 1007])
        model.type("b")
        #expect(model.ids == [815, 812, 1010, 1007])
        model.type("a")
        #expect(model.ids == [812, 815, 1010, 1007])
    }

    @Test("with one sample CPU sorts by what was used in all, and of equals the older one is first")
    func firstSample() {
        var model = TopModel()
        let connections = [
            TopSamples.connection(3, age: 5, cpu: 10), TopSamples.connection(1, age: 9, cpu: 10),
            TopSamples.connection(2, age: 9, cpu: 70),
        ]
        model.take(TopSamples.sample([], connections))
        model.type("c")
        #expect(model.ids == [2, 1, 3])
        #expect(model.rows.allSatisfy { $0.cpuPercent == nil })
    }

    @Test("the share of a processor is what was used between two samples")
    func cpuPercent() {
        let model = TopSamples.busy()
        let shares = Dictionary(uniqueKeysWithValues: model.rows.map { ($0.status.id, $0.cpuPercent) })
        #expect(shares == [812: 25, 815: 0, 1010: 1, 1007: nil])
        var fallen = TopModel()
        fallen.take(TopSamples.sample([], [TopSamples.connection(1, cpu: 9)]))
        fallen.take(TopSamples.sample([], [TopSamples.connection(1, cpu: 3)], after: 1))
        #expect(fallen.rows.first?.cpuPercent == 0)
    }

    @Test("rates are connections accepted per second, and begin anew when the count does")
    func rates() {
        #expect(TopSamples.busy().activity.services.map(\.rates) == [[0, 0, 0, 0], [0, 2, 4, 2], [0, 0, 0, 0]])
        var model = TopModel()
        for (second, accepted) in [(0, 5), (1, 9), (2, 1), (4, 2)] {
            model.take(TopSamples.sample([TopSamples.service("git", accepted: accepted)], after: Int64(second)))
        }
        #expect(model.activity.services.map(\.rates) == [[0.5]])
        // A clock that stands still tells no rate.
        model.take(TopSamples.sample([TopSamples.service("git", accepted: 9)], after: 4))
        #expect(model.activity.services.map(\.rates) == [[]])
    }

    @Test("no more rates are kept than are shown", arguments: [59, 60, 61])
    func rateLimit(count: Int) {
        var model = TopModel()
        for second in 0...count {
            model.take(TopSamples.sample([TopSamples.service("git", accepted: second * second)], after: Int64(second)))
        }
        let rates = model.activity.services.first?.rates ?? []
        #expect(rates.count == min(count, TopActivity.rateLimit))
        #expect(rates.last == Double(2 * count - 1))
    }

    @Test("the filter finds parts of services and peers, in any case, while it is written")
    func filter() {
        var model = TopSamples.busy()
        model.type("/GI")
        #expect(model.mode == .filter && model.filter == "GI" && model.ids == [812, 815])
        _ = model.press(.backspace)
        model.type("x")
        #expect(model.ids.isEmpty && model.selectedID == nil)
        _ = model.press(.eraseLine)
        model.type("db8::1]")
        _ = model.press(.enter)
        #expect(model.mode == .list && model.ids == [815])
        _ = model.press(.escape)
        #expect(model.filter.isEmpty && model.ids.count == 4)
        model.type("/uid 1000")
        #expect(model.ids == [1007])
        _ = model.press(.escape)
        #expect(model.mode == .list && model.filter.isEmpty)
        _ = model.press(.backspace)
        #expect(model.filter.isEmpty)
    }

    @Test("a filter has a longest length", arguments: [-1, 0, 1])
    func filterLimit(beyond: Int) {
        var model = TopModel()
        model.type("/" + String(repeating: "q", count: TopModel.filterLimit + beyond))
        #expect(model.filter.count == TopModel.filterLimit + min(0, beyond))
    }

    @Test("the choice moves within the rows")
    func selection() {
        var model = TopSamples.busy()
        #expect(model.selectedID == 812)
        for (key, id) in [
            (.up, 812), (.down, 815), (.character("j"), 1010), (.character("k"), 815), (.pageDown, 1007),
            (.down, 1007), (.pageUp, 812), (.end, 1007), (.home, 812), (.character("G"), 1007), (.character("g"), 812),
        ] as [(TopKey, UInt64)] {
            #expect(model.press(key) == nil)
            #expect(model.selectedID == id, "\(key)")
        }
    }

    @Test("a choice stays with its connection, and with its place when that is gone")
    func pinned() {
        var model = TopModel()
        func take(_ ids: [UInt64]) {
            model.take(TopSamples.sample([], ids.map { TopSamples.connection($0, age: 1000 - Int64($0)) }))
        }
        take([5, 6, 7])
        _ = model.press(.down)
        take([1, 2, 5, 6, 7])
        #expect(model.selectedID == 6)
        take([1, 2, 5, 7])
        #expect(model.selectedID == 7)
        take([1])
        #expect(model.selectedID == 1)
        take([])
        #expect(model.selectedID == nil)
        take([3])
        #expect(model.selectedID == 3)
    }

    @Test("without a choice the first row is it, and after sorting again")
    func unpinned() {
        var model = TopModel()
        model.take(TopSamples.sample([], [TopSamples.connection(5)]))
        model.take(
            TopSamples.sample([], [TopSamples.connection(5), TopSamples.connection(4, age: 2 * TopSamples.hour)]))
        #expect(model.selectedID == 4)
        _ = model.press(.down)
        #expect(model.selectedID == 5)
        model.type("c")
        #expect(model.selection == 0)
    }

    @Test("a connection is closed after a yes, even if it is chosen no more", arguments: ["y", "Y", "n", "x", "q"])
    func close(answer: Unicode.Scalar) {
        var model = TopSamples.busy()
        _ = model.press(.down)
        #expect(model.press(.character("x")) == nil)
        guard case .question(let asked) = model.mode else {
            Issue.record("no question")
            return
        }
        #expect(asked.id == 815)
        model.take(TopSamples.sample())
        let effect = model.press(.character(answer))
        #expect(effect == (answer == "y" || answer == "Y" ? .close(815) : nil))
        #expect(model.mode == .list)
    }

    @Test("without a connection there is nothing to close, nor to choose")
    func none() {
        var model = TopModel()
        for key in [TopKey.character("x"), .up, .down, .end, .pageDown] { #expect(model.press(key) == nil) }
        #expect(model.mode == .list && model.selection == 0)
    }

    @Test("what a closing came to is there until the next key")
    func message() {
        var model = TopSamples.busy()
        model.take(message: "done")
        model.take(TopSamples.sample())
        #expect(model.message == "done")
        _ = model.press(.down)
        #expect(model.message == nil)
    }

    @Test("q ends it but in a filter; Ctrl-C always does; Ctrl-L and Ctrl-Z are for the terminal")
    func effects() {
        for prefix in ["", "/", "x"] {
            var model = TopSamples.busy()
            model.type(prefix)
            #expect(model.press(.redraw) == .redraw)
            #expect(model.press(.suspend) == .suspend)
            #expect(model.press(.interrupt) == .quit)
            #expect(model.press(.character("q")) == (prefix.isEmpty ? .quit : nil))
        }
    }
}

@Suite("keys of a terminal")
struct TopKeyTests {
    private static let keys: [(String, [TopKey])] = [
        ("a/é日😀", ["a", "/", "é", "日", "😀"].map { .character($0) }),
        ("\u{1b}[A\u{1b}OB\u{1b}[1;5A", [.up, .down, .up]),
        (
            "\u{1b}[5~\u{1b}[6~\u{1b}[H\u{1b}[F\u{1b}[1~\u{1b}[4~\u{1b}OH",
            [.pageUp, .pageDown, .home, .end, .home, .end, .home]
        ),
        (
            "\r\n\u{7f}\u{8}\u{15}\u{c}\u{3}\u{1a}",
            [.enter, .enter, .backspace, .backspace, .eraseLine, .redraw, .interrupt, .suspend]
        ),
        ("\u{1b}[C\u{1b}[15~\u{1b}[<0;1;1M\t\u{0}q", [.character("q")]),
        ("\u{1b}x", [.escape, .character("x")]),
    ]

    @Test("keys are known by what they send, and others are skipped", arguments: keys)
    func whole(text: String, keys: [TopKey]) {
        var decoder = TopKeyDecoder()
        #expect(decoder.decode(text.utf8) == keys)
        #expect(!decoder.isInKey)
    }

    @Test("keys that come in pieces are the same keys", arguments: keys)
    func pieces(text: String, keys: [TopKey]) {
        var decoder = TopKeyDecoder()
        #expect(text.utf8.flatMap { decoder.decode([$0]) } == keys)
    }

    @Test("Escape is a key when nothing follows")
    func escape() {
        var decoder = TopKeyDecoder()
        #expect(decoder.decode([0x1b]).isEmpty && decoder.isInKey)
        #expect(decoder.flush() == [.escape] && !decoder.isInKey)
        #expect(decoder.decode([0x1b, 0x5b]).isEmpty)
        #expect(decoder.flush().isEmpty && !decoder.isInKey)
    }

    @Test("bytes that are no text are skipped, and nothing waits without end")
    func garbage() {
        var decoder = TopKeyDecoder()
        #expect(decoder.decode([0xff, 0xc0, 0x80, 0x61, 0xe2, 0x28, 0xa1, 0x62]).contains(.character("b")))
        #expect(decoder.decode([0x1b, 0x5b] + [UInt8](repeating: 0x30, count: 14)).isEmpty)
        #expect(!decoder.isInKey)
    }
}
