// SPDX-License-Identifier: Apache-2.0
// The protocols that the daemon speaks itself: echo, discard, daytime, time and chargen, over streams.

internal import Glibc
internal import ServiceConfig
internal import SocketServer

extension BuiltInService {
    /// Serves one connection until the peer, or the protocol, ends it.
    ///
    /// - Throws: what is never the peer's doing: one that leaves, resets or does not read is no handler's error, and
    ///   closes no service with `on_handler_error = "raise"`.
    func serve(_ reader: Reader, _ writer: Writer) async throws {
        await writer.countStalledPeerAsGone()
        switch self {
        case .echo:
            while let bytes = try await reader.read() { try await writer.write(bytes) }
        case .discard:
            while try await reader.read() != nil {}
        case .daytime:
            try await writer.write(Self.daytimeLine(Glibc.time(nil)))
        case .time:
            try await writer.write(Self.timeBytes(Glibc.time(nil)))
        case .chargen:
            try await Self.generateCharacters(writer)
        }
    }

    /// The date and time in UTC, as `Monday, November 23, 2026 03:08:11-UTC` (RFC 867).
    static func daytimeLine(_ seconds: Int) -> String {
        var seconds = seconds
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var buffer = [CChar](repeating: 0, count: 128)
        let length = strftime(&buffer, buffer.count, "%A, %B %d, %Y %H:%M:%S-UTC\r\n", &parts)
        return String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The seconds since 1900 as four bytes, the most significant first (RFC 868).
    ///
    /// It begins anew in 2036.
    static func timeBytes(_ seconds: Int) -> [UInt8] {
        let since1900 = UInt32(truncatingIfNeeded: seconds + 2_208_988_800)
        return withUnsafeBytes(of: since1900.bigEndian) { Array($0) }
    }

    /// Lines of 72 characters, each beginning one character later than the one before (RFC 864), until the peer goes.
    private static func generateCharacters(_ writer: Writer) async throws {
        while true { try await writer.write(allLines) }
    }

    /// All different lines, once: then they begin anew.
    private static let allLines: [UInt8] = {
        let printable = Array(UInt8(ascii: " ")...UInt8(ascii: "~"))
        return printable.indices.flatMap { start -> [UInt8] in
            (0..<72).map { printable[(start + $0) % printable.count] } + [13, 10]
        }
    }()
}
