// SPDX-License-Identifier: Apache-2.0
// Tests that the Swift types and the description of `io.serverd.Manager` say the same.

internal import ManagerInterface
internal import Testing
internal import Varlink

private let errors: [any ManagerError.Type] = [
    Manager.NotPermitted.self, Manager.NoSuchService.self, Manager.NoSuchConnection.self, Manager.WrongState.self,
    Manager.DaemonStopping.self, Manager.InvalidFilter.self, Manager.InvalidDuration.self,
    Manager.LimitOutOfRange.self, Manager.ShutdownNotPossible.self, Manager.ConfigurationInvalid.self,
    Manager.NotConnectable.self, Manager.ServiceFull.self, Manager.TooManyClients.self, Manager.TooSlow.self,
    Manager.ReplyTooLong.self, Manager.ReexecRefused.self,
]

@Suite("io.serverd.Manager")
struct ManagerInterfaceTests {
    private let interface: IDL

    init() throws {
        interface = try IDL(Manager.interfaceDescription)
    }

    @Test("the description and the types declare the same methods, errors, objects and enumerations")
    func mirror() throws {
        var swift = SwiftDeclarations()
        #expect(interface.name == Manager.interfaceName)
        #expect(interface.methods.keys.sorted() == Manager.methods.map { $0.name }.sorted())
        for method in Manager.methods {
            let declared = try #require(interface.methods[method.name])
            #expect(try swift.fields(of: method.parametersType) == declared.input, "\(method)")
            #expect(try swift.fields(of: method.resultType) == declared.output, "\(method)")
        }
        #expect(interface.errors.keys.sorted() == errors.map { String(describing: $0) }.sorted())
        for error in errors {
            #expect(try swift.fields(of: error) == interface.errors["\(error)"], "\(error)")
            #expect(error.fullName == "\(interface.name).\(error)")
        }
        for (name, fields) in interface.objects { #expect(swift.objects[name] == fields, "\(name)") }
        for (name, values) in interface.enumerations where name != "Permission" {
            #expect(swift.enumerations[name] == values, "\(name)")
        }
        #expect(interface.enumerations["Permission"] == Permission.allCases.map(\.rawValue))
        #expect(interface.objects.count == swift.objects.count)
    }

    @Test("a type's coding keys are its fields")
    func codingKeys() {
        for method in Manager.methods {
            let declared = interface.methods[method.name]
            #expect(declared?.input.keys.sorted() == method.parametersType.fieldNames.sorted())
            #expect(declared?.output.keys.sorted() == method.resultType.fieldNames.sorted())
        }
    }

    @Test("optional fields are absent from JSON when unset, others are there")
    func optionality() throws {
        func check(_ type: (some VarlinkObject).Type, _ declared: IDL.Fields) throws {
            let required = declared.filter { !$0.value.hasPrefix("?") }
            #expect(try keys(sample(of: type, fillsOptionals: false)) == required.keys.sorted(), "\(type)")
            #expect(try keys(sample(of: type, fillsOptionals: true)) == declared.keys.sorted(), "\(type)")
        }
        for method in Manager.methods {
            let declared = try #require(interface.methods[method.name])
            try check(method.parametersType, declared.input)
            try check(method.resultType, declared.output)
        }
        for error in errors { try check(error, try #require(interface.errors["\(error)"])) }
        for type in objects { try check(type, try #require(interface.objects["\(type)"])) }
    }

    private let objects: [any VarlinkObject.Type] = [
        ServiceStatus.self, ConnectionStatus.self, ConnectionFilter.self, ClosingProgress.self, Event.self,
        ExitReport.self, ServiceChange.self, ConfigurationError.self, Setting.self,
    ]

    private func keys(_ value: some VarlinkObject) throws -> [String] {
        let call = try Call(message: Call.encode("a.b.C", value).dropLast())
        return call.parameterNames.sorted()
    }

    @Test("what is written is read as what it was")
    func roundTrip() throws {
        func check<Value: VarlinkObject>(_ type: Value.Type) throws {
            for fillsOptionals in [true, false] {
                let bytes = Reply.encode(try sample(of: type, fillsOptionals: fillsOptionals))
                let read: Value = try Reply(message: bytes.dropLast()).parameters()
                #expect(Reply.encode(read) == bytes, "\(type)")
            }
        }
        for method in Manager.methods {
            try check(method.parametersType)
            try check(method.resultType)
        }
        for type in objects { try check(type) }
    }

    @Test("errors have the described names and fields, the optional ones only when they are set")
    func errorFields() {
        let error = VarlinkError.noSuchService("gti", nearest: "git")
        #expect(error.name == "io.serverd.Manager.NoSuchService")
        #expect(error.parameters == ["service": "gti", "nearest": "git"])
        #expect(VarlinkError.noSuchService("gti", nearest: nil).parameters == ["service": "gti"])
        #expect(VarlinkError(Manager.DaemonStopping()).parameters.isEmpty)
        let outOfRange = Manager.LimitOutOfRange(maxConnections: -1, minimum: 1, maximum: 9_000)
        #expect(
            VarlinkError(outOfRange).parameters == ["maxConnections": -1, "minimum": 1, "maximum": 9_000])
    }

    @Test("a client reads an error's fields back, and no other error's")
    func errorReading() throws {
        let invalid = Manager.ConfigurationInvalid(errors: [
            ConfigurationError(file: "/etc/serverd/services.d/git.toml", line: 3, column: 7, message: "no such user")
        ])
        let reply = try Reply(message: Reply.encode(VarlinkError(invalid)).dropLast())
        #expect(reply.error?.as(Manager.ConfigurationInvalid.self) == invalid)
        #expect(reply.error?.as(Manager.NoSuchService.self) == nil)
        #expect(VarlinkError(Manager.NoSuchConnection.fullName).as(Manager.NoSuchConnection.self) == nil)
    }

    @Test("the permission that a method needs is the documented one")
    func permissions() throws {
        let text = Manager.interfaceDescription
        for method in Manager.methods {
            let head = try #require(text.firstRange(of: "\nmethod \(method.name)("))
            let comment = text[..<head.lowerBound].split(separator: "\n\n").last ?? ""
            #expect(comment.contains("Permission: \(method.permission)."), "\(method)")
        }
    }

    @Test("every field, method, state and error is documented")
    func documented() {
        let lines = Manager.interfaceDescription.split(separator: "\n").map { $0.drop { $0 == " " } }
        for (line, previous) in zip(lines.dropFirst(), lines) where line.contains(/^[A-Za-z]/) {
            #expect(previous.hasPrefix("#"), "\(line)")
        }
    }

    @Test("the description fits into a page's width, and has no tabs")
    func layout() {
        for line in Manager.interfaceDescription.split(separator: "\n") {
            #expect(line.count <= 120 && !line.contains("\t"), "\(line)")
        }
    }
}

extension ManagerMethod {
    fileprivate static var parametersType: any VarlinkObject.Type { Parameters.self }
    fileprivate static var resultType: any VarlinkObject.Type { Result.self }
}
