// SPDX-License-Identifier: Apache-2.0
// What operators have set, as it is kept for the next daemon.

import Testing

@testable import Daemon

@Suite("operators' settings") struct OperatorSettingsTests {
    private func service(_ name: String, _ set: (inout SuccessionState.Service) -> Void) -> SuccessionState.Service {
        var service = SuccessionState.Service(name: name)
        set(&service)
        return service
    }

    @Test("what was set is read again, and services of which nothing was set are not kept")
    func readAgain() throws {
        let set = [
            service("closed") { $0.isClosed = true }, service("held") { $0.isSuspended = true },
            service("limited") { $0.limit = 3 },
        ]
        let settings = OperatorSettings(set.reversed() + [service("plain") { $0.accepted = 7 }])
        #expect(settings.services == set)
        let kept = OperatorSettings.kept(in: try settings.write())
        #expect(kept == settings)
    }

    @Test("what is not understood is as if nothing was set")
    func notUnderstood() throws {
        let nothing = OperatorSettings()
        let none = OperatorSettings.kept(in: nil)
        #expect(none == nothing)
        let text = OperatorSettings.kept(in: try SealedText.write("closed", as: "test"))
        #expect(text == nothing)
        let other = OperatorSettings.kept(in: try SealedText.write(["version": 2], as: "test"))
        #expect(other == nothing)
    }
}
