// SPDX-License-Identifier: Apache-2.0
// Which ends of a program are failures, by success_exit_status.

import Supervision
import Testing

@testable import Daemon
@testable import ServiceConfig

@Suite("HandlerFailure")
struct HandlerFailureTests {
    static let usual = SuccessExitStatus()
    static let special = SuccessExitStatus(codes: [3, 255], signals: [15])

    @Test("without success_exit_status, exit code 0 alone is a success")
    func usual() {
        #expect(HandlerFailure(.exited(code: 0), expected: Self.usual) == nil)
        #expect(
            HandlerFailure(.exited(code: 1), expected: Self.usual)?.description == "the handler exited with code 1")
        #expect(
            HandlerFailure(.exited(code: 255), expected: Self.usual)?.description == "the handler exited with code 255")
        #expect(
            HandlerFailure(.killed(signal: 15, dumpedCore: false), expected: Self.usual)?.description
                == "the handler was ended by SIGTERM")
        #expect(
            HandlerFailure(.killed(signal: 11, dumpedCore: true), expected: Self.usual)?.description
                == "the handler was ended by SIGSEGV and dumped core")
    }

    @Test("what success_exit_status adds is a success, and its neighbours are not", arguments: [0, 3, 255])
    func added(code: Int32) {
        #expect(HandlerFailure(.exited(code: code), expected: Self.special) == nil)
        for other in [code - 1, code + 1] where (0...254).contains(other) {
            #expect(HandlerFailure(.exited(code: other), expected: Self.special) != nil)
        }
    }

    @Test("a signal of success_exit_status is no exit code of the same number")
    func signals() {
        #expect(HandlerFailure(.killed(signal: 15, dumpedCore: false), expected: Self.special) == nil)
        #expect(HandlerFailure(.killed(signal: 3, dumpedCore: false), expected: Self.special) != nil)
        #expect(HandlerFailure(.exited(code: 15), expected: Self.special) != nil)
    }

    @Test("a signal that has no name in the configuration is told by its number")
    func nameless() {
        #expect(
            HandlerFailure(.killed(signal: 34, dumpedCore: false), expected: Self.usual)?.description
                == "the handler was ended by signal 34")
    }

    @Test("an end that nobody can tell is not blamed on the handler")
    func unknown() {
        #expect(HandlerFailure(.unknown, expected: Self.usual) == nil)
    }
}
