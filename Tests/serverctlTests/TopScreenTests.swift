// SPDX-License-Identifier: Apache-2.0
// The screen of `serverctl top`: golden screens, and that every size has room for it.

internal import ManagerInterface
internal import Policy
internal import Testing

@testable internal import serverctl

private func lines(
    _ model: TopModel, _ columns: Int = 80, _ rows: Int = 24, colour: Bool = false,
    glyphs: Sparkline.Glyphs = .blocks
) -> [String] {
    TopScreen(
        model: model, size: TerminalSize(columns: columns, rows: rows), style: Style(colour: colour), glyphs: glyphs
    ).lines
}

/// The screen as one text, without the blanks at the ends of lines.
private func screen(_ model: TopModel, _ columns: Int = 80, _ rows: Int = 24) -> String {
    lines(model, columns, rows).map { String($0.reversed().drop { $0 == " " }.reversed()) }.joined(separator: "\n")
}

/// The escape sequences for colours taken out.
private func plain(_ line: String) -> String { line.replacing(/\x{1b}\[[0-9;]*m/, with: "") }

@Suite("screen of serverctl top")
struct TopScreenTests {
    @Test("services with their rates, connections with what they use, and keys")
    func golden() {
        #expect(
            screen(TopSamples.busy(), 80, 14) == """
                serverd 0.1.0 (pid 42), running, up 1min 30s: 3 services, 4 connections
                SERVICE  STATE      CONNECTIONS  ACCEPTED/S
                git      listening        2/100           2                                 ▁▅█▅
                … and 2 services less busy

                4 connections by age, the oldest first
                    ID  SERVICE  STATE    PEER                      AGE  CPU  TIME    IN   OUT
                >  812  git      serving  192.0.2.1:4711          1d 2h  25%    2s  1.5K   999
                   815  git      serving  [2001:db8::1]:50000        2h   0%  20ms    10  5.0M
                  1010  日本     serving  203.0.113.7:1        1min 30s   1%  81ms     -     -
                  1007  echo     killing  unix (uid 1000)            2s    -     -     -     -


                q quit  a age  c CPU  b bytes  / filter  j k select  x close
                """)
    }

    @Test("a wide terminal shows more of each connection, and a high one all services")
    func wide() {
        #expect(
            screen(TopSamples.busy(), 110, 17) == """
                serverd 0.1.0 (pid 42), running, up 1min 30s: 3 services, 4 connections
                SERVICE  STATE      CONNECTIONS  ACCEPTED/S
                echo     full               1/1           0                                                          ▁▁▁▁
                git      listening        2/100           2                                                          ▁▅█▅
                web      failed             0/5           0                                                          ▁▁▁▁

                4 connections by age, the oldest first
                    ID  SERVICE  STATE    PEER                  PID       AGE  CPU  TIME  MEMORY    IN   OUT
                >  812  git      serving  192.0.2.1:4711       4812     1d 2h  25%    2s    4.0M  1.5K   999
                   815  git      serving  [2001:db8::1]:50000  4815        2h   0%  20ms    4.0M    10  5.0M
                  1010  日本     serving  203.0.113.7:1        5010  1min 30s   1%  81ms    4.0M     -     -
                  1007  echo     killing  unix (uid 1000)         -        2s    -     -       -     -     -




                q quit  a age  c CPU  b bytes  / filter  j k select  x close
                """)
    }

    @Test("on a narrow terminal the least important columns go, but never what it is sorted by")
    func narrow() {
        var model = TopSamples.busy()
        model.type("c")
        #expect(
            screen(model, 30, 8) == """
                serverd 0.1.0 (pid 42), runni…
                4 connections by CPU, the bus…
                    ID  PEER               CPU
                >  812  192.0.2.1:4711     25%
                  1010  203.0.113.7:1       1%
                   815  [2001:db8::1]:50…   0%
                  1007  unix (uid 1000)      -
                q quit  a age  c CPU  b bytes…
                """)
        #expect(
            screen(model, 20, 8) == """
                serverd 0.1.0 (pid …
                4 connections by CP…
                    ID  PEER
                >  812  192.0.2.1:4…
                  1010  203.0.113.7…
                   815  [2001:db8::…
                  1007  unix (uid 1…
                q quit  a age  c CP…
                """)
    }

    @Test("before the first sample, and without connections, it says so")
    func empty() {
        var model = TopModel()
        #expect(lines(model, 80, 3) == ["serverctl top: asking the daemon", "", lines(model, 80, 1)[0]])
        model.take(TopSamples.sample())
        #expect(
            lines(model, 80, 4).prefix(2) == [
                "serverd 0.1.0 (pid 42), running, up 1min 30s: 0 services, 0 connections", "No connections.",
            ])
        model = TopSamples.busy()
        model.type("/nobody")
        #expect(screen(model).contains("\nNone of 4 connections matches \"nobody\".\n\n"))
    }

    @Test("of more connections than fit, those around the chosen one are shown", arguments: [1, 6, 20, 21])
    func window(steps: Int) {
        var model = TopModel()
        model.take(
            TopSamples.sample([], (1...30).map { TopSamples.connection($0, age: 1000 - Int64($0)) }))
        for _ in 1..<steps { _ = model.press(.down) }
        let shown = lines(model, 80, 12)
        let first = max(1, min(steps - 4, 30 - 7))
        #expect(shown[1] == "30 connections by age, the oldest first (\(first)-\(first + 7) shown)")
        #expect(shown.filter { $0.hasPrefix(">") }.map { $0.split(separator: " ")[1] } == ["\(steps)"])
        #expect(shown.count == 12 && shown[3].hasPrefix(steps == first ? "> " : "  "))
    }

    @Test("of more services than fit, the busiest are shown, in their order")
    func services() {
        var model = TopModel()
        for second in 0...1 {
            let services = (0..<20).map { number in
                TopSamples.service(
                    "s\(number)", open: number == 3 ? 9 : 0,
                    accepted: second * (number == 17 ? 5 : number == 4 ? 50 : 0))
            }
            model.take(TopSamples.sample(services, after: Int64(second)))
        }
        let shown = lines(model).map { $0.split(separator: " ").first.map(String.init) ?? "" }
        #expect(shown[1...7] == ["SERVICE", "s0", "s3", "s4", "s17", "…", ""])
        #expect(lines(model)[6] == "… and 16 services less busy")
    }

    @Test("the bottom line asks, takes the filter, and tells what came of it")
    func bottom() {
        var model = TopSamples.busy()
        model.type("x")
        #expect(lines(model).last == "Close it? y/n: connection 812 of git, 192.0.2.1:4711")
        #expect(lines(model, 20, 5).last == "Close it? y/n: conn…")
        model.type("n/git")
        #expect(lines(model).last == "/git_  Enter keeps the filter, Esc shows all")
        #expect(screen(model).contains("\n2 of 4 connections matching \"git\" by age, the oldest first\n"))
        model.type("0123456789abcdefghij")
        #expect(lines(model, 20, 5).last == "/456789abcdefghij_ …" || lines(model, 20, 5).last?.hasPrefix("/") == true)
        _ = model.press(.escape)
        model.take(message: "cannot close connection 812: not permitted")
        #expect(lines(model).last == "cannot close connection 812: not permitted")
    }

    @Test("colour changes nothing else, and whom keys act on is marked without it")
    func colour() {
        for sizes in [(80, 24), (30, 8)] {
            let coloured = lines(TopSamples.busy(), sizes.0, sizes.1, colour: true)
            #expect(coloured.map(plain) == lines(TopSamples.busy(), sizes.0, sizes.1))
        }
        let text = lines(TopSamples.busy(), colour: true).joined(separator: "\n")
        #expect(text.contains("\u{1b}[32mlistening\u{1b}[0m"))
        #expect(text.contains("\u{1b}[1;31mfailed\u{1b}[0m   "))
        #expect(text.contains("\u{1b}[7m>  812  git      serving"))
    }

    @Test("nothing that a service, a peer, or whoever writes the filter says reaches the terminal")
    func hostile() {
        var model = TopModel()
        let evil = "a\u{1b}[2J\u{202e}\n\u{9b}"
        var daemon = Samples.daemon
        daemon.version = evil
        var sample = TopSamples.sample(
            [TopSamples.service(evil)], [TopSamples.connection(1, evil, peer: evil)])
        sample.daemon = daemon
        model.take(sample)
        for keys in ["", "x", "n/\u{9b}\u{202e}"] {
            model.type(keys)
            let text = lines(model, 200, 24).joined(separator: "\n")
            #expect(text.contains("a\\x1b[2J\\u{202e}\\x0a\\u{9b}"))
            #expect(!text.unicodeScalars.contains { $0 != "\n" && SafeText.isUnsafe($0) })
        }
        model.take(message: evil)
        _ = model.press(.escape)
        model.take(message: evil)
        #expect(lines(model).last == "a\\x1b[2J\\u{202e}\\x0a\\u{9b}")
    }

    @Test("every size has just so many lines, none of them wider")
    func sizes() {
        for model in [TopModel(), TopSamples.busy(), question(), filtering()] {
            for columns in [0, 1, 2, 3, 5, 10, 19, 20, 21, 39, 40, 79, 80, 81, 200] {
                for rows in [0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 23, 24, 25, 60] {
                    let shown = lines(model, columns, rows)
                    #expect(shown.count == rows)
                    #expect(shown.allSatisfy { TextWidth.of($0) <= columns }, "\(columns)x\(rows)")
                }
            }
        }
    }

    private func question() -> TopModel {
        var model = TopSamples.busy()
        model.type("x")
        return model
    }

    private func filtering() -> TopModel {
        var model = TopSamples.busy()
        model.type("/日本0123456789")
        return model
    }
}

@Suite("bars")
struct SparklineTests {
    @Test("the newest value is at the right end, and only nothing is at the bottom")
    func render() {
        #expect(Sparkline.render([0, 1, 2, 3, 4, 5, 6, 7], width: 10, .blocks) == "  ▁▂▃▄▅▆▇█")
        #expect(Sparkline.render([0, 0.001, 100], width: 3, .blocks) == "▁▂█")
        #expect(Sparkline.render([0, 1, 2, 3, 4, 5, 6, 7], width: 8, .ascii) == "_.,-=+*#")
    }

    @Test("what is shown sets the scale, and little is not much")
    func scale() {
        #expect(Sparkline.render([100, 1, 1], width: 2, .blocks) == "██")
        #expect(Sparkline.render([0.5], width: 1, .blocks) == "▅")
    }

    @Test("the highest value has the highest bar, however it is rounded")
    func rounding() {
        for number in 1...5000 {
            let value = Double(number) * 1.37 / 1.000_3
            #expect(Sparkline.render([value], width: 1, .blocks) == "█")
        }
    }

    @Test("there is a column for each value, in any width", arguments: [0, 1, 2, 3, 4])
    func width(width: Int) {
        #expect(Sparkline.render([1, 2, 3], width: width, .blocks).count == width)
        #expect(Sparkline.render([], width: width, .blocks) == String(repeating: " ", count: width))
    }
}
