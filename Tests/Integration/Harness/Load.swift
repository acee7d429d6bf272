// SPDX-License-Identifier: Apache-2.0
// Clients that come at a steady rate while something happens to the daemon.

import Foundation
import Synchronization

/// Clients that come at a steady rate, each of whom wants an answer.
final class Load: Sendable {
    private struct State {
        var isEnding = false
        var running = Load.threads
        var served = 0
        var failures: [String] = []
    }
    private static let threads = 8
    private let state = Mutex(State())
    private let ended = DispatchSemaphore(value: 0)

    init(on endpoint: Endpoint, perSecond rate: Int, expecting beginning: String) {
        for _ in 0..<Self.threads {
            Thread.detachNewThread { [self] in
                while !state.withLock({ $0.isEnding }) {
                    let failure = Self.ask(endpoint, expecting: beginning)
                    state.withLock { state in
                        state.served += 1
                        if let failure { state.failures.append(failure) }
                    }
                    poll(nil, 0, CInt(max(1, 1000 * Self.threads / rate - 3)))
                }
                if state.withLock({ state in
                    state.running -= 1
                    return state.running == 0
                }) {
                    ended.signal()
                }
            }
        }
    }

    private static func ask(_ endpoint: Endpoint, expecting beginning: String) -> String? {
        do {
            let answer = try Client(endpoint).receive()
            return answer.hasPrefix(beginning) ? nil : "answered \"\(answer)\""
        } catch {
            return "\(error)"
        }
    }

    /// Ends it: how many clients there were, and what went wrong.
    func end() -> (served: Int, failures: [String]) {
        state.withLock { $0.isEnding = true }
        ended.wait()
        return state.withLock { ($0.served, $0.failures) }
    }
}
