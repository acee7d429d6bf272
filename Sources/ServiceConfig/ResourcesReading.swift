// SPDX-License-Identifier: Apache-2.0
// Reads `resources`: how much of the machine one connection's program may have.

internal import Policy

/// A key of the table `resources`.
private enum ResourceKey: String, CaseIterable {
    case memory, tasks, cpu
}

extension TableReader<ServiceKey> {
    /// The limits of `resources`; nil when it is not there.
    ///
    /// What is wrong in it is left out.
    mutating func resources() -> ResourceLimits? {
        guard let value = value(.resources) else { return nil }
        guard case .table(let entries) = value.content else {
            wrongKind(
                .resources, value,
                expected: "a table, such as resources = { memory = \"64M\", tasks = 16, cpu = \"50%\" }")
            return nil
        }
        var limits = ResourceLimits()
        for entry in entries {
            switch ResourceKey(rawValue: entry.key) {
            case .memory: limits.memory = memory(entry)
            case .tasks: limits.tasks = tasks(entry)
            case .cpu: limits.cpu = share(entry)
            case nil:
                let names = ResourceKey.allCases.map(\.rawValue)
                let nearest = NearestName.find(entry.key, among: names)
                fail(
                    entry.position, "unknown key \(quoted(entry.key)) in `resources`",
                    expected: nearest == nil ? "one of " + names.joined(separator: ", ") : nil, suggestion: nearest)
            }
        }
        return limits
    }

    private mutating func memory(_ entry: TOMLEntry) -> Int64? {
        let least = ResourceLimits.text(ofSize: ResourceLimits.leastMemory)
        return limit(
            entry, text: ResourceLimits.size, isInRange: { $0 >= ResourceLimits.leastMemory },
            expected: "a size in quotes with K, M, G or T behind it, such as \"64M\", and at least \"\(least)\"")
    }

    private mutating func share(_ entry: TOMLEntry) -> Int? {
        limit(
            entry, text: ResourceLimits.share, isInRange: ResourceLimits.shares.contains,
            expected: "percent of one processor in quotes, such as \"50%\", or \"200%\" for two")
    }

    private mutating func tasks(_ entry: TOMLEntry) -> Int? {
        let range = 1...ResourceLimits.mostTasks
        let expected = "a whole number from 1 to \(range.upperBound), without quotes"
        guard case .integer(let number) = entry.value.content else {
            wrongKind(of: entry, expected)
            return nil
        }
        guard let tasks = Int(exactly: number), range.contains(tasks) else {
            fail(entry.value.position, "`\(entry.key)` is out of its range", expected: expected)
            return nil
        }
        return tasks
    }

    private mutating func limit<Value>(
        _ entry: TOMLEntry, text: (String) -> Value?, isInRange: (Value) -> Bool, expected: String
    ) -> Value? {
        guard case .string(let written) = entry.value.content else {
            wrongKind(of: entry, expected)
            return nil
        }
        guard let limit = text(written), isInRange(limit) else {
            fail(entry.value.position, "`\(entry.key)` cannot be \(quoted(written))", expected: expected)
            return nil
        }
        return limit
    }

    private mutating func wrongKind(of entry: TOMLEntry, _ expected: String) {
        fail(entry.value.position, "`\(entry.key)` in `resources` is \(entry.value.kindName)", expected: expected)
    }
}
