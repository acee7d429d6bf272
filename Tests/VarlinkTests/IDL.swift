// SPDX-License-Identifier: Apache-2.0
// A small reader of interface descriptions, strict about what Varlink allows, so that types can be compared with them.

/// An interface description, read.
struct IDL {
    /// Fields by name; the value is the type as it is written.
    typealias Fields = [String: String]

    struct Mistake: Error {
        let message: String
    }

    private(set) var name = ""
    private(set) var objects: [String: Fields] = [:]
    private(set) var enumerations: [String: [String]] = [:]
    private(set) var methods: [String: (input: Fields, output: Fields)] = [:]
    private(set) var errors: [String: Fields] = [:]
    private var tokens: ArraySlice<String>

    init(_ text: String) throws {
        tokens = Self.tokens(text)[...]
        try expect("interface")
        name = try next()
        var declared: Set<String> = []
        while let keyword = tokens.popFirst() {
            let name = try next()
            guard name.wholeMatch(of: /[A-Z][A-Za-z0-9]*/) != nil else { throw Mistake(message: "bad name \(name)") }
            guard declared.insert(name).inserted else { throw Mistake(message: "\(name) is declared twice") }
            switch keyword {
            case "type": try type(name)
            case "method":
                let input = try fields()
                try expect("->")
                methods[name] = (input, try fields())
            case "error": errors[name] = try fields()
            default: throw Mistake(message: "\(keyword) is no declaration")
            }
        }
        try resolve()
    }

    /// Comments are dropped; what is left are words and punctuation.
    private static func tokens(_ text: String) -> [String] {
        text.split(separator: "\n").flatMap { line in
            line.prefix { $0 != "#" }.matches(of: /->|\?|\[[a-z]*\]|[(),:]|[A-Za-z0-9_.]+|[^\s]/).map {
                String($0.output)
            }
        }
    }

    private mutating func next() throws -> String {
        guard let token = tokens.popFirst() else { throw Mistake(message: "the description ends too early") }
        return token
    }

    private mutating func expect(_ token: String) throws {
        let found = try next()
        guard found == token else { throw Mistake(message: "\(found) where \(token) was expected") }
    }

    private mutating func type(_ name: String) throws {
        guard tokens.dropFirst(2).first == ":" else {
            enumerations[name] = try list { idl in try idl.next() }
            return
        }
        objects[name] = try fields()
    }

    private mutating func fields() throws -> Fields {
        let pairs = try list { idl in
            let name = try idl.next()
            guard name.wholeMatch(of: /[A-Za-z](_?[A-Za-z0-9])*/) != nil else {
                throw Mistake(message: "bad field \(name)")
            }
            try idl.expect(":")
            var type = try idl.next()
            while type.hasSuffix("?") || type.hasSuffix("]") { type += try idl.next() }
            return (name, type)
        }
        return try Fields(pairs) { _, _ in throw Mistake(message: "a field is there twice") }
    }

    private mutating func list<Element>(_ element: (inout IDL) throws -> Element) throws -> [Element] {
        try expect("(")
        if tokens.first == ")" {
            tokens = tokens.dropFirst()
            return []
        }
        var elements = [try element(&self)]
        while case let separator = try next(), separator != ")" {
            guard separator == "," else { throw Mistake(message: "\(separator) where a comma was expected") }
            elements.append(try element(&self))
        }
        return elements
    }

    /// Every type that is used is declared here or built in; `any` is neither.
    private func resolve() throws {
        let known = Set(objects.keys).union(enumerations.keys).union(["bool", "int", "float", "string", "object"])
        var used = objects.values.flatMap(\.values)
        used += errors.values.flatMap(\.values)
        for method in methods.values { used += Array(method.input.values) + Array(method.output.values) }
        for type in used {
            let base = type.drop { "?[]".contains($0) }
            guard known.contains(String(base)) else { throw Mistake(message: "the type \(type) is not declared") }
        }
    }
}
