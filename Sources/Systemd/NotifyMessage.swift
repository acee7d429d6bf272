// SPDX-License-Identifier: Apache-2.0
// What the daemon tells the service manager (the protocol of sd_notify(3)), as values that become one datagram's text.

internal import Policy

/// One datagram for the service manager: assignments that take effect together.
///
/// It is guaranteed that the text has exactly one line for each field, whatever the status text contains: nothing that
/// comes from outside can become an assignment of its own.
package struct NotifyMessage: Hashable, Sendable {
    /// One thing to tell.
    package enum Assignment: Hashable, Sendable {
        /// `READY=1`: start-up is complete.
        case ready
        /// `RELOADING=1` and `MONOTONIC_USEC=`: a reload has begun at this time of CLOCK_MONOTONIC.
        ///
        /// It ends with ``ready``, however it ends.
        case reloading(at: Duration)
        /// `STOPPING=1`: shutting down has begun.
        case stopping
        /// `STATUS=`: one line for `systemctl status`.
        case status(String)
        /// `WATCHDOG=1`: the main loop is alive.
        case alive
        /// `EXTEND_TIMEOUT_USEC=`: what is under way will need this long, counted from now.
        case extendTimeout(Duration)
        /// `FDSTORE=1`: the descriptor that comes with the datagram is to be kept under this name, also when its peer is
        /// gone, and given to whoever is started in our place.
        case keep(String)
        /// `FDSTOREREMOVE=1`: what is kept under this name is not to be kept any more.
        case forget(String)
    }

    /// What is told, in order.
    package let assignments: [Assignment]

    /// A datagram with these assignments.
    package init(_ assignments: Assignment...) {
        self.assignments = assignments
    }

    /// The longest status, in bytes of UTF-8.
    ///
    /// A longer one is cut and ends with `…`.
    package static let statusLimit = 512

    /// The datagram's text: `KEY=value` lines without a newline at the end.
    package var text: String {
        assignments.map(Self.lines).joined(separator: "\n")
    }

    private static func lines(_ assignment: Assignment) -> String {
        switch assignment {
        case .ready: "READY=1"
        case .reloading(let time): "RELOADING=1\nMONOTONIC_USEC=\(time.wholeMicroseconds)"
        case .stopping: "STOPPING=1"
        case .status(let text): "STATUS=" + oneLine(text)
        case .alive: "WATCHDOG=1"
        case .keep(let name): "FDSTORE=1\nFDNAME=\(oneLine(name))\nFDPOLL=0"
        case .forget(let name): "FDSTOREREMOVE=1\nFDNAME=\(oneLine(name))"
        case .extendTimeout(let time): "EXTEND_TIMEOUT_USEC=\(max(0, time.wholeMicroseconds))"
        }
    }

    /// `text` without anything that ends a line or commands a terminal, at most ``statusLimit`` bytes long.
    private static func oneLine(_ text: String) -> String {
        let ellipsis = "…"
        var line = ""
        var length = 0
        // Where to cut if the text turns out to be too long, so that the ellipsis fits.
        var cut = line.endIndex
        for scalar in text.unicodeScalars {
            let piece = SafeText.escape(String(scalar))
            guard length + piece.utf8.count <= statusLimit else { return line[..<cut] + ellipsis }
            line += piece
            length += piece.utf8.count
            if length <= statusLimit - ellipsis.utf8.count { cut = line.endIndex }
        }
        return line
    }
}
