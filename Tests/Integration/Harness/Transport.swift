// SPDX-License-Identifier: Apache-2.0
// The four ways a client reaches a service in these tests.

import Foundation
import Testing

/// How a service listens.
enum Transport: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case ipv4, ipv6, unix, inherited

    /// Those this machine has: without an IPv6 loopback address there is nothing to test over it.
    static let available = allCases.filter { $0 != .ipv6 || readText("/proc/net/if_inet6").contains(loopback) }

    /// `::1` as the kernel lists it.
    private static let loopback = String(repeating: "0", count: 31) + "1"

    var testDescription: String { rawValue }

    /// The value of a service's `listen`; ports are chosen by the system.
    func listen(_ name: String, in directory: TemporaryDirectory) -> String {
        switch self {
        case .ipv4: "127.0.0.1:0"
        case .ipv6: "[::1]:0"
        case .unix: directory.path("\(name).sock")
        case .inherited: "fd:\(name)"
        }
    }
}

extension Transport {
    /// How the daemon is started so that the service `name` is reached this way.
    func options(_ name: String) -> DaemonOptions {
        DaemonOptions(inherited: self == .inherited ? [name] : [])
    }
}
