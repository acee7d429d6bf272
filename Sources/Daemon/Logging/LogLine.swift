// SPDX-License-Identifier: Apache-2.0
// One event on its way to the log, as the caller left it: not yet text, so that the caller pays little.

package import Logging
internal import Policy

/// An event for the log.
package struct LogLine: Sendable {
    /// When it happened.
    let time: LogTime
    /// How much it matters.
    let level: Logger.Level
    /// What happened.
    let message: String
    /// The keys of the logger, which the event's own keys override.
    let context: Logger.Metadata
    /// The keys of the event.
    let metadata: Logger.Metadata

    /// An event that happens now, unless another time is given.
    package init(
        _ level: Logger.Level, _ message: String, metadata: Logger.Metadata = [:], context: Logger.Metadata = [:],
        time: LogTime = .now
    ) {
        self.time = time
        self.level = level
        self.message = message
        self.metadata = metadata
        self.context = context
    }

    /// Keys that come first, in this order; the others follow in alphabetical order.
    static let firstKeys = ["service", "connection", "peer", "pid", "exit_code", "signal", "duration_ms", "errno"]

    /// A key with its value, and its place among the first keys.
    struct Pair: Sendable {
        fileprivate let rank: Int
        let key: String
        let value: Logger.MetadataValue

        fileprivate init(_ key: String, _ value: Logger.MetadataValue) {
            rank = LogLine.firstKeys.firstIndex(of: key) ?? LogLine.firstKeys.count
            self.key = key
            self.value = value
        }
    }

    /// All keys with their values, in the order they are written.
    var pairs: [Pair] {
        var pairs: [Pair] = []
        pairs.reserveCapacity(metadata.count + context.count)
        for (key, value) in metadata { pairs.append(Pair(key, value)) }
        for (key, value) in context where metadata[key] == nil { pairs.append(Pair(key, value)) }
        pairs.sort { $0.rank < $1.rank || ($0.rank == $1.rank && $0.key < $1.key) }
        return pairs
    }

    /// About how many bytes of memory the event holds.
    ///
    /// A value that is turned into text later counts as 32.
    var cost: Int {
        var cost = 64 + message.utf8.count
        for (key, value) in metadata { cost += key.utf8.count + Self.cost(value) }
        return cost
    }

    private static func cost(_ value: Logger.MetadataValue) -> Int {
        switch value {
        case .string(let text): text.utf8.count
        case .stringConvertible: 32
        case .array(let values): values.reduce(32) { $0 + cost($1) }
        case .dictionary(let values): values.reduce(32) { $0 + $1.key.utf8.count + cost($1.value) }
        }
    }
}

/// A point in time of the calendar.
package struct LogTime: Hashable, Sendable {
    /// Seconds since 1970.
    let seconds: Int
    /// And nanoseconds.
    let nanoseconds: Int

    /// This many seconds and nanoseconds after the start of 1970.
    package init(seconds: Int, nanoseconds: Int) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// The system's time.
    package static var now: LogTime {
        let (seconds, attoseconds) = WallClock.now.components
        return LogTime(seconds: Int(seconds), nanoseconds: Int(attoseconds / 1_000_000_000))
    }
}
