// SPDX-License-Identifier: Apache-2.0
// Whether a loop that has nothing to do does nothing.

package import EventLoops

/// Whether the loop comes to a turn in which nothing wakes it.
///
/// A descriptor that is ready, and is watched though nobody will do anything about it, wakes it in every one: then the
/// answer, after very many turns, is false.
package func comesToRest(_ loop: EventLoop) async -> Bool {
    await withCheckedContinuation { continuation in
        loop.execute {
            var turns = 0
            loop.pollEachTurn { isIdle in
                turns += 1
                guard isIdle || turns == 10_000 else { return true }
                continuation.resume(returning: isIdle)
                return false
            }
        }
    }
}
