// SPDX-License-Identifier: Apache-2.0
// The census of a suite: what a scenario leaves behind, counted by somebody who has proved that he can see.

/// Runs `scenario` twice and returns what the second time has left behind.
///
/// The first time lets the runtime open what it opens once. Only in a process in which nothing else goes on: in an exit
/// test.
///
/// Before it counts, it proves that a leaked descriptor would be seen, and traps when it is not.
package func leftBehind(by scenario: () async throws -> Void) async throws -> Census {
    try await scenario()
    let before = Census.take()
    let leak = makePipe()
    let leaked = Census.take().added(since: before).descriptors.count
    precondition(leaked == 2, "the census saw \(leaked) of 2 leaked descriptors")
    leak.reading.close()
    leak.writing.close()
    try await scenario()
    return Census.take().added(since: before)
}
