// SPDX-License-Identifier: Apache-2.0
// The text of a service's configuration file, as a person would write it.

import Foundation

/// One file of `services.d/`.
struct ServiceFile: Sendable {
    let name: String
    let text: String

    /// A service that runs a program.
    ///
    /// Run as root, it must name a user: the one the tests run as.
    static func program(_ name: String, listen: String, _ command: [String], _ more: String = "") -> ServiceFile {
        let words = command.map(quoted).joined(separator: ", ")
        let user = geteuid() == 0 ? "user = \"root\"\n" : ""
        return ServiceFile(name: name, text: "listen = \(quoted(listen))\nexec = [\(words)]\n\(user)\(more)\n")
    }

    /// A service that runs a shell script, given as text.
    static func script(_ name: String, listen: String, _ script: String, _ more: String = "") -> ServiceFile {
        program(name, listen: listen, ["/bin/sh", "-c", script], more)
    }

    /// A service inside the daemon.
    static func builtin(_ name: String, listen: String, _ builtin: String, _ more: String = "") -> ServiceFile {
        ServiceFile(name: name, text: "listen = \(quoted(listen))\nbuiltin = \(quoted(builtin))\n\(more)\n")
    }

    /// A TOML basic string.
    static func quoted(_ text: String) -> String {
        let escaped = text.unicodeScalars.map { scalar -> String in
            switch scalar {
            case "\"": "\\\""
            case "\\": "\\\\"
            case "\n": "\\n"
            default: scalar.value < 0x20 ? String(format: "\\u%04x", scalar.value) : String(scalar)
            }
        }
        return "\"\(escaped.joined())\""
    }
}
