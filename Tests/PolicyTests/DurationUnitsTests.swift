// SPDX-License-Identifier: Apache-2.0
// Durations as whole numbers: exact wherever they are whole, and cut off elsewhere.

import Policy
import Testing

@Suite("units of durations")
struct DurationUnitsTests {
    @Test("a whole number of them is that number, and a little less is one less", arguments: [1, 1000, 10_000_000])
    func exact(nanoseconds: Int64) {
        for count in [1, 3, 29, 57, 3_691_234, 3_691_237, 259_200_000] as [Int64] {
            let whole = Duration.nanoseconds(nanoseconds) * Int(count)
            #expect(whole.wholeNanoseconds == nanoseconds * count)
            let less = whole - Duration(secondsComponent: 0, attosecondsComponent: 1)
            #expect(less.wholeNanoseconds == nanoseconds * count - 1)
        }
        #expect(Duration.microseconds(57).wholeMicroseconds == 57)
        #expect(Duration.milliseconds(57).wholeMilliseconds == 57)
    }

    @Test("beyond the range of nanoseconds there is its end")
    func range() {
        #expect(Duration.seconds(1 << 40).wholeNanoseconds == .max)
        #expect(Duration.seconds(-(1 << 40)).wholeNanoseconds == .min)
        #expect(Duration.nanoseconds(Int64.max).wholeNanoseconds == .max)
        #expect((Duration.nanoseconds(Int64.max) + .nanoseconds(1)).wholeNanoseconds == .max)
    }
}
