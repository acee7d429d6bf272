// SPDX-License-Identifier: Apache-2.0
// Which messages have an explanation in the journal's catalog (systemd/serverd.catalog), and its number.

/// The messages that the journal explains (`journalctl --catalog`).
enum MessageCatalog {
    /// The `MESSAGE_ID` of a message; nil when it has no explanation.
    ///
    /// A number stays a message's as long as the message means the same, whatever its words become.
    static func id(of message: String) -> String? { ids[message] }

    /// By message.
    static let ids: [String: String] = [
        "cannot listen; it is tried again":
            "870edf59fa154f3c8daabb625e7c2479",
        "cannot listen; it is not tried again":
            "a6cf39251c6c45c483dc460e354cb4af",
        "connection limit reached; new connections wait in the backlog until others end; raise "
            + "max_connections if that is too few":
            "7fa50a1433e042018c4ab3c54cd57e56",
        "cannot accept connections; they wait in the backlog, and accepting resumes by itself":
            "626f60e98bcf4d1d88bbb7f00c07550d",
        "cannot start the handler":
            "fa8366f551b2497181d0510d5a340fa2",
        "handlers cannot be started; new connections wait in the backlog for a while":
            "46ebe131d4d34b9b829d6ce04bfaa20e",
        "the service has closed because a handler failed: on_handler_error is raise":
            "aed1ac8add26446881eacdeea105ea8d",
        "the service's programs may have more than its resources say":
            "0ad4a630fa09402c8c327e33fdc6076a",
        "not reloaded: the configuration has mistakes, and nothing was changed":
            "6d28c905496e4246880460a0f8d0f91c",
        "not replaced; this serverd goes on":
            "9bfed93f507546c28c9b1bfda573c0a1",
        "not replaced: the image that followed could not start, and this one serves again":
            "1819948d108b49768381cccce737dea2",
        "goes on with the connections of the serverd before":
            "04ed92473d5e440886dd49fccbe6f7dd",
        "cannot ask systemd whether this is a restart, and stops as if it were none":
            "b9fd1133fe854a4084e9b815fc1e09f0",
    ]
}
