// SPDX-License-Identifier: Apache-2.0
// Times as text, computed once a second.

internal import Glibc

/// Writes times, and remembers the text of the second it wrote last.
struct LogTimestamp: Sendable {
    /// Which text a time becomes.
    enum Style: Sendable {
        /// `15:04:05.123`, in the local time zone: for who watches.
        case clock
        /// `2006-01-02T15:04:05.123Z`: for who looks later.
        case utc
    }

    private let style: Style
    private var second: Int?
    private var text: [UInt8] = []

    /// Nothing is remembered yet.
    init(_ style: Style) {
        self.style = style
    }

    /// Appends the time, with milliseconds.
    mutating func append(_ time: LogTime, to bytes: inout [UInt8]) {
        if second != time.seconds {
            text = Self.format(time.seconds, style)
            second = time.seconds
        }
        bytes.append(contentsOf: text)
        let milliseconds = UInt8(ascii: "0") &+ UInt8(time.nanoseconds / 100_000_000)
        bytes.append(UInt8(ascii: "."))
        bytes.append(milliseconds)
        bytes.append(UInt8(ascii: "0") + UInt8(time.nanoseconds / 10_000_000 % 10))
        bytes.append(UInt8(ascii: "0") + UInt8(time.nanoseconds / 1_000_000 % 10))
        if style == .utc { bytes.append(UInt8(ascii: "Z")) }
    }

    private static func format(_ seconds: Int, _ style: Style) -> [UInt8] {
        var seconds = seconds
        var parts = tm()
        switch style {
        case .clock: localtime_r(&seconds, &parts)
        case .utc: gmtime_r(&seconds, &parts)
        }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            let length = strftime(buffer.baseAddress, buffer.count, style == .clock ? "%H:%M:%S" : "%FT%T", &parts)
            return buffer[..<length].map { UInt8(bitPattern: $0) }
        }
    }
}
