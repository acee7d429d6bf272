// SPDX-License-Identifier: Apache-2.0
// Looks at what may block for ever: they are given up after a second, and only one thread is lost to them.

internal import EventLoops
internal import Policy
internal import ServiceConfig
internal import TestSupport
internal import Testing

@testable internal import Daemon

@Suite("PatientLook", .timeLimit(.minutes(5)))
struct PatientLookTests {
    private static let name = "test-look"

    @Test("what is seen is returned")
    func seen() async throws {
        try await onLoop { loop in
            let look = PatientLook(name: Self.name)
            for number in 0..<3 { #expect(await look(on: loop) { number } == number) }
        }
    }

    @Test("a look that does not return is given up after a second; until it does there is no other")
    func late() async throws {
        let clock = ManualClock()
        try await onLoop(clock: clock) { loop in
            let (look, gate) = (PatientLook(name: Self.name), BlockingGate())
            let late = OneShot<Int?>()
            _ = Task(executorPreference: loop) {
                late.fulfil(
                    await look(on: loop) {
                        gate.waitUntilOpen(); return 1
                    })
            }
            await settle(loop)
            await clock.advance(by: .milliseconds(999), on: loop)
            #expect(late.current == nil)
            #expect(await look(on: loop) { 2 } == nil)
            // What is doubtful without a look is told all the same.
            let read = ReadConfiguration(configuration: Configuration(), doubts: [.ignoredFile("x")])
            let warnings = await read.warnings(on: loop, by: look)
            #expect(warnings.count == 2 && warnings.last?.message.hasPrefix("whether the programs") == true)
            await clock.advance(by: .milliseconds(1), on: loop)
            #expect(await late.value() == nil)
            gate.open()
            while await look(on: loop, { 3 }) != 3 { await loop.yieldTurn() }
        }
    }
}
