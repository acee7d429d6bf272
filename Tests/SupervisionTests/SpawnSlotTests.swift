// SPDX-License-Identifier: Apache-2.0
// Who gets the slots in which programs are started, when there are not enough for all.

internal import EventLoops
internal import Supervision
internal import TestSupport
internal import Testing

@Suite("Spawner.slot")
struct SpawnSlotTests {
    @Test("one command gets all slots but one, which is left for the others")
    func lastSlot() async throws {
        try await onLoop { loop in
            let spawner = try Spawner(on: loop)
            let (greedy, other) = (try PreparedCommand(shell("1")), try PreparedCommand(shell("2")))
            var slots: [SpawnSlot] = []
            for _ in 1..<Spawner.slotCount { slots.append(await spawner.slot(for: greedy)) }
            let waiting = Task(executorPreference: loop) { await spawner.slot(for: greedy) }
            await settle(loop)
            #expect(spawner.mustWait(for: greedy))
            slots.append(await spawner.slot(for: other))
            spawner.giveBack(slots.removeFirst())
            slots.append(await waiting.value)
            for slot in slots { spawner.giveBack(slot) }
        }
    }

    @Test("of those who wait, the one whose command has the fewest slots is next")
    func fewestFirst() async throws {
        try await onLoop { loop in
            let spawner = try Spawner(on: loop)
            let commands = try (0..<3).map { try PreparedCommand(shell("\($0)")) }
            var slots: [SpawnSlot] = []
            for number in [0, 0, 1, 1] { slots.append(await spawner.slot(for: commands[number])) }
            let order = EventLog<Int>()
            let tasks = [0, 2].map { number in
                let command = commands[number]
                return Task(executorPreference: loop) {
                    let slot = await spawner.slot(for: command)
                    order.append(number)
                    return slot
                }
            }
            await settle(loop)
            for expected in [[2], [2, 0]] {
                spawner.giveBack(slots.removeLast())
                await order.wait(forCount: expected.count)
                #expect(order.all == expected)
            }
            for task in tasks { slots.append(await task.value) }
            for slot in slots { spawner.giveBack(slot) }
        }
    }
}
