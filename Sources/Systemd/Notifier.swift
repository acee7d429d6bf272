// SPDX-License-Identifier: Apache-2.0
// Sends messages to the service manager, the only place that calls sd_notify(3).

internal import CSystemd
internal import Descriptors
internal import Glibc
package import SystemPackage

/// The way to the service manager, if there is one.
package struct Notifier: Sendable {
    /// Whether a service manager listens: `NOTIFY_SOCKET` is set.
    ///
    /// Without it every ``send(_:)`` does nothing.
    package let isConnected: Bool

    /// The way that `NOTIFY_SOCKET` of the process's environment names.
    ///
    /// The variable stays in our environment, where ``send(_:)`` finds it: a handler must be given a fresh environment.
    package init() {
        isConnected = getenv("NOTIFY_SOCKET").map { $0.pointee != 0 } ?? false
    }

    /// Sends one datagram, with copies of `descriptors`.
    ///
    /// It blocks while the manager's queue is full: call it where that holds up nothing.
    package func send(_ message: NotifyMessage, descriptors: [CInt] = []) throws(Errno) {
        guard isConnected else { return }
        try Errno.check(
            libsystemd: sd_pid_notify_with_fds(0, 0, message.text, descriptors, CUnsignedInt(descriptors.count)))
    }
}
