// SPDX-License-Identifier: Apache-2.0
// Tests of the cutting of a byte stream into messages.

internal import Testing
internal import Varlink

@Suite("message framer")
struct MessageFramerTests {
    @Test("messages are the same however the stream is fragmented", arguments: [1, 2, 3, 7, 64])
    func fragments(size: Int) throws {
        let stream = Array("one\0two\0\0three\0".utf8)
        var framer = MessageFramer(limit: 5)
        var messages: [String] = []
        for start in stride(from: 0, to: stream.count, by: size) {
            framer.append(stream[start..<min(start + size, stream.count)])
            while let message = try framer.next() { messages.append(String(decoding: message, as: UTF8.self)) }
        }
        #expect(messages == ["one", "two", "", "three"])
        #expect(framer.unconsumed.isEmpty)
    }

    @Test("an unfinished message is none, and is kept")
    func unfinished() throws {
        var framer = MessageFramer(limit: 10)
        framer.append("half".utf8)
        #expect(try framer.next() == nil)
        #expect(Array(framer.unconsumed) == Array("half".utf8))
    }

    @Test("a message of the limit passes, one byte more does not", arguments: [-1, 0, 1])
    func limit(excess: Int) throws {
        let limit = 1000
        var framer = MessageFramer(limit: limit)
        framer.append([UInt8](repeating: 0x20, count: limit + excess) + [0])
        if excess <= 0 {
            #expect(try framer.next()?.count == limit + excess)
        } else {
            #expect(throws: ProtocolViolation.messageTooLong(limit: limit)) { try framer.next() }
            #expect(throws: ProtocolViolation.messageTooLong(limit: limit)) { try framer.next() }
        }
    }

    @Test("a message that is too long is refused before its end")
    func endless() {
        var framer = MessageFramer(limit: 4)
        framer.append("12345".utf8)
        #expect(throws: ProtocolViolation.messageTooLong(limit: 4)) { try framer.next() }
    }

    @Test("nothing is consumed beyond the message that was taken")
    func unconsumed() throws {
        var framer = MessageFramer(limit: 100)
        framer.append("call\0raw\0bytes".utf8)
        #expect(try framer.next().map(Array.init) == Array("call".utf8))
        #expect(Array(framer.unconsumed) == Array("raw\0bytes".utf8))
    }
}
