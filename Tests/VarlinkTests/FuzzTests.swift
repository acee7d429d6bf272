// SPDX-License-Identifier: Apache-2.0
// Any bytes at all: the corpus, what random changes make of it, and what the fuzzer has found, keep every promise.

internal import FoundationEssentials
internal import Testing
internal import Varlink

@Suite("random messages")
struct MessageFuzzTests {
    /// Pieces that mean something to JSON or to Varlink.
    private static let pieces =
        [
            "{", "}", "[", "]", "\"", ":", ",", "\\", "\\u0000", "\\ud800", "\\u006d", "e", "-", ".", "true", "null",
            " ",
            "9223372036854775808", "-9223372036854775808", "1e400", "\u{feff}", "é", "\"method\":", "\"parameters\":{",
            "\"more\":true", "\"oneway\":true", "\"upgrade\":true", "\"continues\":true", "\"error\":\"a.b.C\"",
            "\"a.b\":1", "\"text\":", "\"number\":", "\"list\":[", "{\"method\":\"a.b.C\"}\0",
        ].map { Array($0.utf8) } + [[0], [0xff], [0xc3], [0xed, 0xa0, 0x80]]

    /// The files of the corpus, by name.
    private static func seeds() throws -> [(name: String, bytes: [UInt8])] {
        let folder =
            #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            + "/Corpus"
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map { name in
            (name, [UInt8](try #require(FileManager.default.contents(atPath: "\(folder)/\(name)"))))
        }
    }

    private func mutate(_ bytes: inout [UInt8], using chance: inout Chance) {
        let index = Int.random(in: 0...bytes.count, using: &chance)
        let end = min(bytes.count, index + Int.random(in: 0...8, using: &chance))
        switch Int.random(in: 0..<5, using: &chance) {
        case 0: bytes.insert(.random(in: 0...255, using: &chance), at: index)
        case 1: bytes.removeSubrange(index..<end)
        case 2: bytes.replaceSubrange(index..<end, with: Self.pieces.randomElement(using: &chance) ?? [])
        case 3: bytes.insert(contentsOf: bytes[index..<end], at: Int.random(in: 0...bytes.count, using: &chance))
        default: bytes.insert(contentsOf: Self.pieces.randomElement(using: &chance) ?? [], at: index)
        }
    }

    @Test("the corpus and 200 chains of changes to each of its files are survived")
    func mutations() throws {
        let seeds = try Self.seeds()
        #expect(seeds.count > 20)
        var chance = Chance(state: 7)
        for (name, seed) in seeds {
            #expect(brokenPromise(for: seed) == nil, "\(name)")
            for _ in 0..<200 {
                var bytes = seed
                for _ in 0..<Int.random(in: 1...6, using: &chance) { mutate(&bytes, using: &chance) }
                if let broken = brokenPromise(for: bytes) { Issue.record("\(broken): \(text(bytes))") }
            }
        }
    }

    @Test("random sequences of meaningful pieces are survived")
    func soups() {
        var chance = Chance(state: 1979)
        for _ in 0..<2_000 {
            let count = Int.random(in: 1...30, using: &chance)
            let bytes = (0..<count).flatMap { _ in Self.pieces.randomElement(using: &chance) ?? [] }
            if let broken = brokenPromise(for: bytes) { Issue.record("\(broken): \(text(bytes))") }
        }
    }
}
