// SPDX-License-Identifier: Apache-2.0
// The order of a command line: as with systemctl, a verb's options may stand before the verb, too. Pure.

/// The order of the words of a command line.
enum ArgumentOrder {
    /// The options that are not the verb's but serverctl's own.
    private static let own: Set = ["--admin-socket", "--help", "-h", "--version"]

    /// Where the verb stands; nil if there is none.
    static func verb(in arguments: [String]) -> Int? {
        var index = 0
        while index < arguments.count, arguments[index].hasPrefix("-") {
            guard arguments[index] != "--" else { return nil }
            index += arguments[index] == "--admin-socket" ? 2 : 1
        }
        return index < arguments.count ? index : nil
    }

    /// The same with the verb's options behind the verb, where the parser looks for them.
    ///
    /// Before it an option's value must be in the same word: `--json=short`.
    static func verbFirst(_ arguments: [String]) -> [String] {
        guard let verb = verb(in: arguments) else { return arguments }
        var kept: [String] = []
        var moved: [String] = []
        for word in arguments[..<verb] {
            let isOwn = own.contains(String(word.prefix { $0 != "=" })) || kept.last == "--admin-socket"
            if isOwn { kept.append(word) } else { moved.append(word) }
        }
        return kept + [arguments[verb]] + moved + arguments[(verb + 1)...]
    }
}
