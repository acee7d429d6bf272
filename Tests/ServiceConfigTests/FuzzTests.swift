// SPDX-License-Identifier: Apache-2.0
// Any bytes at all: seeds and what random changes make of them give a configuration or errors, never a crash.

import ServiceConfig
import Testing

/// A small random generator that gives the same numbers for the same seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

@Suite("random configurations")
struct FuzzTests {
    /// Pieces that mean something to TOML or to serverd.
    private static let pieces = [
        "\"", "'", "\"\"\"", "'''", "[", "]", "[[", "]]", "{", "}", "=", ".", ",", "\n", "\r\n", "#", "\\u0000", "\\",
        "\0",
        "\u{feff}", "é", "\u{1b}", "\u{202e}", "-1", "99999999999999999999", "1e400", "nan", "1979-05-27T07:32:00Z",
        "listen", "exec", "builtin", "environment", "0", "70000", "fd:", "@", "/", "[::1]:79", "*:79", "::", ":", "%lo",
        "user", "connect", "allow_shutdown", "resources", "true", "admin_read", "\"staff\"",
    ].map { Array($0.utf8) }

    /// The files of the golden cases and of the corpus.
    private static func seeds() throws -> [[UInt8]] {
        let golden = try Files.names(Files.here + "/Golden").flatMap { name in
            try Files.names("\(Files.here)/Golden/\(name)").map { "\(Files.here)/Golden/\(name)/\($0)" }
        }
        let corpus = try Files.names(Files.here + "/Corpus").map { "\(Files.here)/Corpus/\($0)" }
        return try (golden + corpus).filter { $0.hasSuffix(".toml") }.map(Files.bytes)
    }

    private func parse(_ bytes: [UInt8]) {
        for context in [asRoot, asGit] {
            let file = SourceFile(path: "x.toml", contents: .success(bytes))
            do {
                let configuration = try Configuration(main: nil, services: [file], context: context)
                #expect(configuration.services.count == 1)
                #expect((try? configurationBack(from: configuration, context: context)) == configuration)
            } catch {
                #expect(!error.errors.isEmpty && error.description.hasSuffix("\n"))
            }
            if let main = try? Configuration(main: file, services: [], context: context) {
                #expect((try? configurationBack(from: main, context: context)) == main)
            }
        }
    }

    private func mutate(_ bytes: inout [UInt8], using generator: inout SeededGenerator) {
        let index = Int.random(in: 0...bytes.count, using: &generator)
        let end = min(bytes.count, index + Int.random(in: 0...8, using: &generator))
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: bytes.insert(.random(in: 0...255, using: &generator), at: index)
        case 1: bytes.removeSubrange(index..<end)
        case 2: bytes.replaceSubrange(index..<end, with: Self.pieces.randomElement(using: &generator) ?? [])
        case 3: bytes.insert(contentsOf: bytes[index..<end], at: Int.random(in: 0...bytes.count, using: &generator))
        default: bytes.insert(contentsOf: Self.pieces.randomElement(using: &generator) ?? [], at: index)
        }
    }

    @Test("every seed and 60 chains of changes to each of them are survived")
    func mutations() throws {
        let seeds = try Self.seeds()
        #expect(seeds.count > 20)
        var generator = SeededGenerator(state: 79)
        for seed in seeds {
            parse(seed)
            for _ in 0..<60 {
                var bytes = seed
                for _ in 0..<Int.random(in: 1...6, using: &generator) { mutate(&bytes, using: &generator) }
                parse(bytes)
            }
        }
    }

    @Test("random sequences of meaningful pieces are survived")
    func soups() {
        var generator = SeededGenerator(state: 1979)
        for _ in 0..<500 {
            let count = Int.random(in: 1...40, using: &generator)
            parse((0..<count).flatMap { _ in Self.pieces.randomElement(using: &generator) ?? [] })
        }
    }
}
