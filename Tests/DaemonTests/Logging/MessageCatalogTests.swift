// SPDX-License-Identifier: Apache-2.0
// The journal's catalog: what the code sends has an explanation, and what is explained is sent.

import Foundation
import Logging
import Testing

@testable import Daemon

@Suite("journal's catalog") struct MessageCatalogTests {
    private static func file(_ path: String) throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../..")
        return try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    private static func explained() throws -> [String] {
        try file("systemd/serverd.catalog").split(separator: "\n").filter { $0.hasPrefix("-- ") }
            .map { String($0.dropFirst(3)) }
    }

    @Test("each number has one explanation, and each explanation a message")
    func numbers() throws {
        let explained = try Self.explained()
        #expect(explained.sorted() == MessageCatalog.ids.values.sorted())
        #expect(Set(explained).count == explained.count)
        #expect(explained.allSatisfy { $0.count == 32 && $0.allSatisfy { "0123456789abcdef".contains($0) } })
    }

    @Test("each message is one that the log has", arguments: MessageCatalog.ids.keys.sorted())
    func messages(_ message: String) throws {
        #expect(try Self.file("docs/events.md").contains("| `\(message)` |"))
    }

    @Test("a field that an explanation shows is one of the log's keys")
    func fields() throws {
        let keys = try Self.file("docs/events.md")
        let pieces = try Self.file("systemd/serverd.catalog").components(separatedBy: "@SERVERD_").dropFirst()
        #expect(pieces.count > 10)
        for piece in pieces {
            let key = piece.prefix { $0 != "@" }.lowercased()
            #expect(keys.contains("| `\(key)` |"), "\(key)")
        }
    }

    @Test("an entry of a message that is explained has its number, others have none")
    func entries() throws {
        var fields = JournalFields()
        let message = "not replaced; this serverd goes on"
        let number = try #require(MessageCatalog.ids[message])
        func entry(_ message: String) -> [String] {
            fields.fields(LogLine(.error, message)).map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(entry(message).contains("MESSAGE_ID=\(number)"))
        #expect(!entry("another").contains { $0.hasPrefix("MESSAGE_ID") })
    }
}
