// SPDX-License-Identifier: Apache-2.0
// The names of the signals that can end a process, with their numbers on this system.

internal import Glibc

/// Names of signals.
package enum SignalName {
    private static let numbers: [String: Int32] = [
        "SIGHUP": SIGHUP, "SIGINT": SIGINT, "SIGQUIT": SIGQUIT, "SIGILL": SIGILL, "SIGTRAP": SIGTRAP,
        "SIGABRT": SIGABRT, "SIGBUS": SIGBUS, "SIGFPE": SIGFPE, "SIGKILL": SIGKILL, "SIGUSR1": SIGUSR1,
        "SIGSEGV": SIGSEGV, "SIGUSR2": SIGUSR2, "SIGPIPE": SIGPIPE, "SIGALRM": SIGALRM, "SIGTERM": SIGTERM,
        "SIGXCPU": SIGXCPU, "SIGXFSZ": SIGXFSZ, "SIGVTALRM": SIGVTALRM, "SIGPROF": SIGPROF, "SIGIO": SIGIO,
        "SIGPWR": SIGPWR, "SIGSYS": SIGSYS,
    ]

    /// The number of the signal with this name, which begins with `SIG`.
    package static func number(_ name: String) -> Int32? { numbers[name] }

    /// The name of a signal that has one here.
    package static func name(_ number: Int32) -> String? { numbers.first { $0.value == number }?.key }

    /// The name of a signal, or `signal 34` when it has none here.
    package static func text(_ number: Int32) -> String { name(number) ?? "signal \(number)" }

    /// The name that was probably meant by `name`.
    package static func nearest(to name: String) -> String? {
        if let completed = ["SIG" + name.uppercased()].first(where: { numbers[$0] != nil }) { return completed }
        return NearestName.find(name, among: numbers.keys.sorted())
    }
}
