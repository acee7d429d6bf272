// SPDX-License-Identifier: Apache-2.0
// What has happened in a service since the daemon was started, in numbers, and the last thing that went wrong.

/// What has happened in a service since the daemon was started.
struct ServiceCounters: Sendable {
    /// Connections that were accepted.
    private(set) var accepted = 0
    /// Those of them whose handler failed.
    private(set) var handlerFailures = 0
    /// Connections that were refused.
    private(set) var refused = 0
    /// What went wrong last, and when, in microseconds since the epoch.
    private(set) var lastError: (text: String, timestamp: Int64)?

    /// Nothing has happened.
    init() {}

    /// What another image of this daemon has counted.
    init(_ state: SuccessionState.Service) {
        accepted = state.accepted
        handlerFailures = state.handlerFailures
        refused = state.refused
        lastError = state.lastError.map { ($0, state.lastErrorTimestamp ?? 0) }
    }

    /// A connection was accepted.
    mutating func countAccepted() { accepted += 1 }

    /// A connection was closed at once.
    mutating func countRefused() { refused += 1 }

    /// A handler has failed; `timestamp` is in microseconds since the epoch.
    mutating func countHandlerFailure(_ text: String, at timestamp: Int64) {
        handlerFailures += 1
        lastError = (text, timestamp)
    }

    /// Something has gone wrong, and is shown until the next error.
    mutating func note(error text: String, at timestamp: Int64) { lastError = (text, timestamp) }
}
