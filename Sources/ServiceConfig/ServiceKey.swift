// SPDX-License-Identifier: Apache-2.0
// The keys of a service's file, and which of them belong to what kind of service.

/// A key of a service's file.
enum ServiceKey: String, CaseIterable {
    case description
    case enabled
    case listen
    case exec
    case builtin
    case user
    case group
    case environment
    case passEnvironment = "pass_environment"
    case workingDirectory = "working_directory"
    case umask
    case maxConnections = "max_connections"
    case backlog
    case onHandlerError = "on_handler_error"
    case connect
    case successExitStatus = "success_exit_status"
    case allowShutdown = "allow_shutdown"
    case resources
    case socketMode = "socket_mode"
    case socketUser = "socket_user"
    case socketGroup = "socket_group"

    /// What messages show as a umask, and as the mode of a socket.
    static let umaskExample = "022"
    static let socketModeExample = "0660"

    /// The keys that say how a program is run, and nothing to a built-in.
    static let ofPrograms: [ServiceKey] = [
        .user, .group, .environment, .passEnvironment, .workingDirectory, .umask, .successExitStatus, .allowShutdown,
        .resources,
    ]

    /// The keys that say something of socket files only.
    static let ofSocketFiles: [ServiceKey] = [.socketMode, .socketUser, .socketGroup]
}
