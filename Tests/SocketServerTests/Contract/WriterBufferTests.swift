// SPDX-License-Identifier: Apache-2.0
// The buffer of a writer as a value, against a model that keeps each byte with its time.

internal import Testing

@testable internal import SocketServer

@Suite("WriteBuffer")
struct WriterBufferTests {
    // SplitMix64: the same sequence for the same seed.
    private struct Seeded: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
            return mixed ^ (mixed >> 31)
        }
    }

    private struct Model {
        var bytes: [UInt8] = []
        var times: [Duration] = []

        mutating func append(_ new: [UInt8], at now: Duration) {
            bytes += new
            times += [Duration](repeating: now, count: new.count)
        }
        mutating func removeFirst(_ count: Int) {
            bytes.removeFirst(count)
            times.removeFirst(count)
        }
    }

    @Test("it holds what a model holds, byte by byte, after any operations", arguments: UInt64(1)...30)
    func model(seed: UInt64) {
        var random = Seeded(state: seed)
        var buffer = WriteBuffer()
        var model = Model()
        var now = Duration.zero
        for step in 0..<400 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0: now += .milliseconds(Int.random(in: 0...2, using: &random))
            case 1...4:
                let size = Int.random(in: 0...(seed.isMultiple(of: 3) ? 70_000 : 300), using: &random)
                let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &+ step) }
                buffer.append(bytes, at: now)
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
            #expect(buffer.oldest == model.times.first)
            #expect(buffer.next.elementsEqual(model.bytes))
        }
    }

    @Test("taking a big buffer out in small pieces costs what its bytes cost, not their square")
    func linear() {
        var buffer = WriteBuffer()
        let size = 128 << 20
        buffer.append([UInt8](repeating: 1, count: size), at: .zero)
        let start = ContinuousClock().now
        while buffer.count > 0 { buffer.removeFirst(min(buffer.count, 65_536)) }
        #expect(ContinuousClock().now - start < .seconds(5))
    }
}
