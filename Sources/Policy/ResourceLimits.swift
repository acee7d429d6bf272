// SPDX-License-Identifier: Apache-2.0
// How much of the machine one connection's program may have, and the sizes and shares in which people write it.

/// How much one connection's program may have, with all processes that it starts; nil is no limit.
package struct ResourceLimits: Equatable, Sendable {
    /// The least memory that can be asked for: with less the kernel kills most programs before their first line.
    package static let leastMemory: Int64 = 1 << 20
    /// The most tasks that can be asked for: Linux has no more.
    package static let mostTasks = 1 << 22
    /// The shares that can be asked for, in percent of one processor.
    package static let shares = 1...100_000

    /// Bytes of memory.
    package var memory: Int64?
    /// How many processes and threads.
    package var tasks: Int?
    /// The share of the processors, in percent of one.
    package var cpu: Int?

    /// These limits.
    package init(memory: Int64? = nil, tasks: Int? = nil, cpu: Int? = nil) {
        self.memory = memory
        self.tasks = tasks
        self.cpu = cpu
    }

    // MARK: Text

    /// A size in bytes, with K, M, G or T for powers of 1024: `64M`; nil for anything else.
    package static func size(_ text: String) -> Int64? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let suffix = text.dropFirst(digits.count)
        guard let number = Int64(digits), let power = suffixes.firstIndex(of: String(suffix)) else { return nil }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: 1 << (10 * Int64(power)))
        return overflow ? nil : bytes
    }

    /// The shortest text that ``size(_:)`` reads back.
    package static func text(ofSize bytes: Int64) -> String {
        var (number, power) = (bytes, 0)
        while number > 0, number % 1024 == 0, power < suffixes.count - 1 {
            (number, power) = (number / 1024, power + 1)
        }
        return "\(number)\(suffixes[power])"
    }

    /// A share in percent of one processor: `50%`; nil for anything else.
    package static func share(_ text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        return text.dropFirst(digits.count) == "%" ? Int(digits) : nil
    }

    private static let suffixes = ["", "K", "M", "G", "T"]
}
