// SPDX-License-Identifier: Apache-2.0
// Lines from pieces: limits and random cuts.

internal import Supervision
internal import Testing

@Suite("LineJoiner")
struct LineJoinerTests {
    private struct Writers {
        var joiner = LineJoiner()
        var lines: [StandardErrorLine] = []

        mutating func write(_ text: String, pid: Int32 = 1, connection: UInt64? = 1) {
            _ = Array(text.utf8).withUnsafeBytes { bytes in
                joiner.add(bytes, from: pid, of: connection) { lines.append($0) }
            }
        }
        mutating func flush(_ condition: (StandardErrorLine) -> Bool = { _ in true }) {
            joiner.flush(where: condition) { lines.append($0) }
        }
        var texts: [String] { lines.map { String(decoding: $0.bytes, as: UTF8.self) } }
    }

    @Test(
        "a line of the limit is whole, one byte more is a line of its own", arguments: [2047, 2048, 2049, 4096, 4097])
    func limit(length: Int) {
        let line = String(repeating: "x", count: length)
        var whole = Writers()
        whole.write(line + "\nnext\n")
        let parts = stride(from: 0, to: length, by: 2048).map { min(2048, length - $0) }
        #expect(whole.texts.map(\.count) == parts + [4])
        var bytewise = Writers()
        for character in line + "\nnext\n" { bytewise.write(String(character)) }
        #expect(bytewise.texts == whole.texts)
    }

    @Test("any cut of any text gives the same lines")
    func randomCuts() {
        for _ in 0..<200 {
            let text = (0..<20).map { _ in String(repeating: "ab\n", count: .random(in: 0...3)) + "c" }.joined() + "\n"
            var writers = Writers()
            var rest = text[...]
            while !rest.isEmpty {
                let piece = rest.prefix(.random(in: 1...7))
                writers.write(String(piece))
                rest = rest.dropFirst(piece.count)
            }
            #expect(
                writers.texts
                    == text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init))
        }
    }

    @Test("of more unfinished lines than the limit the oldest is delivered as it is")
    func tooManyWriters() {
        var writers = Writers()
        for pid in 1...256 { writers.write("from \(pid)", pid: Int32(pid)) }
        #expect(writers.lines.isEmpty)
        writers.write("from 257", pid: 257)
        #expect(writers.texts == ["from 1"])
        writers.write(" and on\n", pid: 2)
        #expect(writers.texts == ["from 1", "from 2 and on"])
    }

    @Test("a flush delivers the unfinished lines it is meant for, in the order they began, once")
    func flush() {
        var writers = Writers()
        writers.write("one", pid: 11, connection: 1)
        writers.write("two", pid: 10, connection: 1)
        writers.write("three", pid: 12, connection: 2)
        writers.flush { $0.connection == 1 }
        writers.flush { $0.connection == 1 }
        #expect(writers.texts == ["one", "two"])
    }

    @Test("a number that came back for another connection does not continue the old line")
    func reusedPid() {
        var writers = Writers()
        writers.write("old", pid: 1, connection: 1)
        writers.write("new\n", pid: 1, connection: 2)
        #expect(writers.texts == ["old", "new"])
        writers.write("of nobody, ", pid: 2, connection: nil)
        writers.write("then known\n", pid: 2, connection: 3)
        writers.write("known, ", pid: 2, connection: 3)
        writers.write("then dead\n", pid: 2, connection: nil)
        #expect(writers.texts.dropFirst(2) == ["of nobody, then known", "known, then dead"])
        #expect(writers.lines.map(\.connection) == [1, 2, 3, 3])
    }
}
