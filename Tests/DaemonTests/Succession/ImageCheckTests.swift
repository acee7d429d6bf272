// SPDX-License-Identifier: Apache-2.0
// What a program must say, and when, so that it may take the daemon's place.

import EventLoops
import Glibc
import TestSupport
import Testing

@testable import Daemon

@Suite("ImageCheck", .timeLimit(.minutes(5))) struct ImageCheckTests {
    /// Asks a shell script, as the daemon asks the program at its path.
    private static func ask(_ script: String, _ services: Services) async throws(ImageCheck.Refusal) -> String {
        do {
            let state = try SuccessionState(
                daemonVersion: "0", images: 1, startTimestamp: 0, lastConnection: 0, arguments: []
            ).write()
            return try await ImageCheck(
                path: "/bin/sh", arguments: ["sh", "-c", script], context: services.manager.context
            ).run(state)
        } catch let refusal as ImageCheck.Refusal {
            throw refusal
        } catch {
            throw ImageCheck.Refusal(text: "\(error)")
        }
    }

    @Test("it is asked with the state as its input, and its last line is the answer")
    func answers() async throws {
        try await withServices([]) { services in
            let version = try await Self.ask(
                "grep -q daemonVersion && echo warning >&2; echo serverd 9.8 can take over >&2", services)
            #expect(version == "9.8")
        }
    }

    @Test("a program that does not answer within five seconds is ended, and refused")
    func silent() async throws {
        let folder = TemporaryFolder()
        let begun = folder.file("begun")
        try await withServices([]) { services in
            let refusal = OneShot<String>()
            _ = Task(executorPreference: services.loop) {
                do throws(ImageCheck.Refusal) {
                    refusal.fulfil("accepted: \(try await Self.ask(": > \(begun); exec sleep 1000", services))")
                } catch {
                    refusal.fulfil(error.text)
                }
            }
            while access(begun, F_OK) != 0 { await services.loop.yieldTurn() }
            await settle(services.loop)
            await services.advance(by: ImageCheck.patience - .milliseconds(1))
            #expect(refusal.current == nil)
            await services.advance(by: .milliseconds(1))
            #expect(await refusal.value() == "it did not answer within 5s")
        }
        withExtendedLifetime(folder) {}
    }
}
