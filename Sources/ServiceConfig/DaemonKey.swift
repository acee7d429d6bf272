// SPDX-License-Identifier: Apache-2.0
// The keys of serverd.toml.

/// A key of `serverd.toml`.
enum DaemonKey: String, CaseIterable {
    case drainTimeout = "drain_timeout"
    case stopTimeout = "stop_timeout"
    case adminRead = "admin_read"
    case adminOperate = "admin_operate"
    case adminConnect = "admin_connect"
}
