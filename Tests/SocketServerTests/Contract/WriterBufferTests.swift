// SPDX-License-Identifier: Apache-2.0
// The buffer of a writer as a value, against a model that keeps each byte with its time.

internal import Glibc
internal import TestSupport
internal import Testing

@testable internal import SocketServer

@Suite("WriteBuffer")
struct WriterBufferTests {
    // Each byte, and the number of its millisecond.
    private struct Model {
        var bytes: [UInt8] = []
        var times: [UInt16] = []

        mutating func append(_ new: [UInt8], at now: UInt16) {
            bytes += new
            times += [UInt16](repeating: now, count: new.count)
        }
        mutating func removeFirst(_ count: Int) {
            bytes.removeFirst(count)
            times.removeFirst(count)
        }
    }

    @Test("it holds what a model holds, byte by byte, after any operations", arguments: UInt64(1)...20)
    func model(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var buffer = WriteBuffer()
        var model = Model()
        var now: UInt16 = 0
        // A piece of each size up to what makes the buffer move its bytes.
        let pattern = (0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 / 251) }
        for _ in 0..<300 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0: now += UInt16.random(in: 0...2, using: &random)
            case 1...4:
                let size = Int.random(in: 0...(seed.isMultiple(of: 5) ? 60_000 : 300), using: &random)
                let start = Int.random(in: 0..<1000, using: &random)
                let bytes = Array(pattern[start..<(start + size)])
                buffer.append(bytes, at: .milliseconds(now))
                model.append(bytes, at: now)
            case 5 where Int.random(in: 0..<20, using: &random) == 0:
                buffer.removeAll()
                model.removeFirst(model.bytes.count)
            default:
                let count = Int.random(in: 0...min(model.bytes.count, 90_000), using: &random)
                buffer.removeFirst(count)
                model.removeFirst(count)
            }
            #expect(buffer.count == model.bytes.count)
            #expect(buffer.oldest == model.times.first.map { .milliseconds($0) })
            // Not ==, which takes its time over each byte when nothing is optimized.
            let isSame = buffer.next.withUnsafeBytes { held in
                model.bytes.withUnsafeBytes { wanted in
                    guard let left = held.baseAddress, let right = wanted.baseAddress else { return true }
                    return memcmp(left, right, min(held.count, wanted.count)) == 0
                }
            }
            #expect(isSame)
        }
    }

    @Test("taking a big buffer out in small pieces costs what its bytes cost, not their square")
    func linear() {
        var buffer = WriteBuffer()
        let size = 128 << 20
        buffer.append([UInt8](repeating: 1, count: size), at: .zero)
        let start = ContinuousClock().now
        while buffer.count > 0 { buffer.removeFirst(min(buffer.count, 65_536)) }
        #expect(ContinuousClock().now - start < .seconds(15))
    }
}
