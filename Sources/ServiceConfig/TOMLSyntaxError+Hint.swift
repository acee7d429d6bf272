// SPDX-License-Identifier: Apache-2.0
// Turns the error of the TOML parser into one for people: its words, its line, and a hint for the usual slips.

extension TOMLSyntaxError {
    /// The keys whose value people write as a bare octal number, as they do in a shell.
    private static let octalKeys = [
        ServiceKey.umask.rawValue: ServiceKey.umaskExample,
        ServiceKey.socketMode.rawValue: ServiceKey.socketModeExample,
    ]

    /// The error as the configuration reports it.
    func configError(in source: SourceText) -> ConfigError {
        // toml++ says "Error while parsing X: Y".
        let intro = "Error while parsing "
        let line = source.line(position.line)
        // The parser names the line's end, a control character, and not what is missing before it.
        if message.contains("control characters other than TAB"), position.column > line.unicodeScalars.count {
            return source.error(
                at: position, "the text is not closed: its last quote is missing",
                expected: "KEY = \"TEXT\", on one line")
        }
        var message = message
        if message.hasPrefix(intro), let colon = message.firstRange(of: ": ") {
            let subject = message[..<colon.lowerBound].dropFirst(intro.count)
            message = "\(message[colon.upperBound...]) (in the \(subject))"
        }
        return source.error(at: position, message, expected: hint(line: line))
    }

    /// What was expected, for the slips that people make most.
    private func hint(line: String) -> String? {
        if message.contains("cannot redefine") { return "each key once" }
        guard let equals = line.firstIndex(of: "=") else {
            return message.contains("expected '='") ? "KEY = VALUE" : nil
        }
        let key = line[..<equals].split(whereSeparator: \.isWhitespace).joined()
        let value = line[line.index(after: equals)...].drop(while: \.isWhitespace)
        if let example = Self.octalKeys[key], value.first?.isNumber == true {
            return "an octal number in quotes, such as \(key) = \"\(example)\""
        }
        let startsPlain = ["\"", "'", "[", "{"].allSatisfy { !value.hasPrefix($0) }
        if !value.isEmpty, startsPlain {
            return "a text in quotes, a whole number, true or false, or a list in brackets"
        }
        return nil
    }
}
