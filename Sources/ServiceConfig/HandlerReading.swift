// SPDX-License-Identifier: Apache-2.0
// Reads what serves a service's connections: a built-in, or a program with its surroundings.

internal import Policy

extension TableReader<ServiceKey> {
    /// The handler; nil after an error.
    mutating func handler(context: ConfigurationContext) -> ServiceDefinition.Handler? {
        switch (position(.exec), position(.builtin)) {
        case (nil, nil):
            fail(
                position(.listen) ?? .start,
                "the service has neither `exec` nor `builtin`: nothing would serve a connection",
                expected: "exec = [\"/path/of/program\", \"argument\"], or builtin = \"echo\"")
            return nil
        case (let exec?, let builtin?):
            fail(
                max(exec, builtin), "the service has both `exec` and `builtin`",
                expected: "one of them: a connection is served by a program or by serverd itself")
            return nil
        case (nil, _?):
            for key in ServiceKey.ofPrograms {
                guard let position = position(key) else { continue }
                fail(
                    position, "`\(key.rawValue)` has nothing to apply to: a built-in runs inside serverd",
                    expected: "`exec` in place of `builtin`, or no `\(key.rawValue)`")
            }
            return word(.builtin, as: BuiltInService.self).map { .builtIn($0) }
        case (_?, nil):
            return program(context: context).map { .program($0) }
        }
    }

    /// The program of `exec` with all that is said of it; nil after an error in what it cannot do without.
    private mutating func program(context: ConfigurationContext) -> ProgramDefinition? {
        let command = command()
        let account = account(context: context)
        let environment = environment()
        let passEnvironment = passEnvironment()
        let workingDirectory = path(.workingDirectory)
        let umask = permissions(.umask, example: ServiceKey.umaskExample)
        let successExitStatus = successExitStatus()
        let allowsShutdown = boolean(.allowShutdown)
        let resources = resources()
        guard let command, let path = command.first else { return nil }
        return ProgramDefinition(
            path: path, arguments: Array(command.dropFirst()), account: account, environment: environment,
            passEnvironment: passEnvironment,
            workingDirectory: workingDirectory ?? ProgramDefinition.defaultWorkingDirectory,
            umask: umask ?? ProgramDefinition.defaultUmask, successExitStatus: successExitStatus,
            allowsShutdown: allowsShutdown ?? false, resources: resources)
    }

    /// The program and its arguments.
    private mutating func command() -> [String]? {
        let expected =
            "a list with the program and its arguments, such as exec = [\"/usr/bin/git\", \"daemon\", \"--inetd\"]"
        guard let texts = strings(.exec, expected: expected), let value = value(.exec) else { return nil }
        guard let program = texts.first else {
            fail(value.position, "`exec` is an empty list", expected: expected)
            return nil
        }
        guard program.value.hasPrefix("/") else {
            fail(
                program.position, "\(quoted(program.value)) is not an absolute path",
                expected: "the program's path from / on; serverd does not search PATH")
            return nil
        }
        return texts.map(\.value)
    }

    /// The variables of the table `environment`.
    private mutating func environment() -> [String: String] {
        guard let value = value(.environment) else { return [:] }
        guard case .table(let entries) = value.content else {
            wrongKind(.environment, value, expected: "a table of texts, such as environment = { LANG = \"C.UTF-8\" }")
            return [:]
        }
        var variables: [String: String] = [:]
        for entry in entries {
            guard isVariableName(entry.key, at: entry.position) else { continue }
            guard case .string(let text) = entry.value.content else {
                fail(
                    entry.value.position, "variable \(quoted(entry.key)) is \(entry.value.kindName)",
                    expected: "a text in quotes: every variable of the environment is one")
                continue
            }
            guard !text.utf8.contains(0) else {
                fail(
                    entry.value.position, "variable \(quoted(entry.key)) has a NUL character in it",
                    expected: "a text without NUL, at which C ends a text")
                continue
            }
            variables[entry.key] = text
        }
        return variables
    }

    /// The names in `pass_environment`, each once.
    private mutating func passEnvironment() -> [String] {
        let expected = "a list of names, such as [\"TZ\", \"LANG\"]"
        var names: [String] = []
        var known: Set<String> = []
        for name in strings(.passEnvironment, expected: expected) ?? [] where known.insert(name.value).inserted {
            guard isVariableName(name.value, at: name.position) else { continue }
            names.append(name.value)
        }
        return names
    }

    /// Whether a variable can be called so; false after an error.
    private mutating func isVariableName(_ name: String, at position: SourcePosition) -> Bool {
        let isLetter = { (byte: UInt8) in
            byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z") || byte == UInt8(ascii: "_")
        }
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        let isName =
            name.utf8.allSatisfy { isLetter($0) || digits.contains($0) } && name.utf8.first.map(isLetter) == true
        if isName { return true }
        fail(
            position, "\(quoted(name)) cannot be the name of a variable",
            expected: "ASCII letters, digits and _, the first not a digit")
        return false
    }

    /// The ends of the program that count as a success.
    private mutating func successExitStatus() -> SuccessExitStatus {
        let expected = "a list of exit codes from 0 to 255 and names of signals, such as [1, \"SIGTERM\"]"
        guard let value = value(.successExitStatus) else { return SuccessExitStatus() }
        guard case .array(let items) = value.content else {
            wrongKind(.successExitStatus, value, expected: expected)
            return SuccessExitStatus()
        }
        var codes: Set<UInt8> = []
        var signals: Set<Int32> = []
        for item in items {
            switch item.content {
            case .integer(let number):
                if let code = UInt8(exactly: number) {
                    codes.insert(code)
                } else {
                    fail(item.position, "\(number) is not an exit code", expected: expected)
                }
            case .string(let name):
                if let number = SignalName.number(name) {
                    signals.insert(number)
                } else {
                    let nearest = SignalName.nearest(to: name)
                    fail(item.position, "\(quoted(name)) is not a signal", expected: expected, suggestion: nearest)
                }
            default: wrongKind(.successExitStatus, item, expected: expected)
            }
        }
        return SuccessExitStatus(codes: codes, signals: signals)
    }
}
