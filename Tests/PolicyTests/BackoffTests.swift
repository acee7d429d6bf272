// SPDX-License-Identifier: Apache-2.0
// The waits between tries.

import Policy
import Testing

@Suite("Backoff")
struct BackoffTests {
    @Test("the waits double up to the longest, and a success begins anew")
    func doubling() {
        var backoff = Backoff(first: .seconds(1), longest: .seconds(30))
        #expect((0..<8).map { _ in backoff.failed() } == [1, 2, 4, 8, 16, 30, 30, 30].map { .seconds($0) })
        backoff.succeeded()
        #expect(backoff.failed() == .seconds(1))
    }

    @Test("a longest wait that doubling meets exactly is kept")
    func exact() {
        var backoff = Backoff(first: .milliseconds(250), longest: .seconds(1))
        #expect((0..<4).map { _ in backoff.failed() } == [250, 500, 1000, 1000].map { .milliseconds($0) })
    }
}
