// SPDX-License-Identifier: Apache-2.0
// Addresses that cannot be listened on, in words.

internal import ManagerInterface
internal import Policy

/// What verbs say of addresses that are not listened on though they should be.
enum NotListeningText {
    /// `2 addresses cannot be listened on`.
    static func summary(_ addresses: [NotListening]) -> String {
        (addresses.count == 1 ? "1 address" : "\(addresses.count) addresses") + " cannot be listened on"
    }

    /// For each which, why, and when it is tried again; lines with their ends.
    static func lines(_ addresses: [NotListening], now: Int64) -> String {
        addresses.map { address in
            let reason = address.failure ?? "whoever had it before still serves clients"
            let next =
                address.retryTimestamp.map { StatusText.retry(at: $0, now: now) }
                ?? (address.failure == nil ? "" : "; it is not tried again by itself")
            let text = "service \"\(address.service)\" cannot listen on \(address.address): \(reason)"
            return SafeText.escape(text) + next + "\n"
        }.joined()
    }
}
