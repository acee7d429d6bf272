// SPDX-License-Identifier: Apache-2.0
// The daemon's own settings as they are now: a reload changes them, and whoever acts by them is told.

internal import ServiceConfig
internal import Synchronization

/// Holds the daemon's own settings; every thread may ask for them.
///
/// A reload, on the loop, is the only one that changes them. Observers are called where the change is made.
final class CurrentSettings: Sendable {
    private struct State {
        var settings: DaemonSettings
        var observers: [@Sendable (DaemonSettings) -> Void] = []
    }

    private let state: Mutex<State>

    /// These, until others are put into effect.
    init(_ settings: DaemonSettings) { state = Mutex(State(settings: settings)) }

    /// All of them.
    var value: DaemonSettings { state.withLock { $0.settings } }

    /// How long connections may go on after their service closes.
    var drainTimeout: Duration { state.withLock { $0.settings.drainTimeout } }

    /// How long a program may take to end after SIGTERM.
    var stopTimeout: Duration { state.withLock { $0.settings.stopTimeout } }

    /// Puts others into effect.
    func change(to settings: DaemonSettings) {
        let observers = state.withLock { state in
            state.settings = settings
            return state.observers
        }
        for observer in observers { observer(settings) }
    }

    /// Calls `observer` with the settings now and after each change, for as long as the daemon runs.
    func observe(_ observer: @escaping @Sendable (DaemonSettings) -> Void) {
        let settings = state.withLock { state in
            state.observers.append(observer)
            return state.settings
        }
        observer(settings)
    }
}
