// SPDX-License-Identifier: Apache-2.0
// Tests that the Swift types and the description of `io.serverd.Manager` say the same.

internal import ManagerInterface
internal import Testing
internal import Varlink

@Suite("io.serverd.Manager")
struct ManagerInterfaceTests {
    private let interface: IDL

    init() throws {
        interface = try IDL(Manager.interfaceDescription)
    }

    @Test("the description is that of the interface, and declares nothing that has no Swift type")
    func declarations() {
        #expect(interface.name == Manager.interfaceName)
        #expect(interface.objects.keys.sorted() == ["DaemonStatus", "ServiceStatus"])
        #expect(interface.enumerations.keys.sorted() == ["DaemonState", "ServiceState"])
        #expect(interface.methods.keys.sorted() == [GetStatus.name])
        #expect(interface.errors.keys.sorted() == ["NoSuchService"])
    }

    @Test("types have the described fields")
    func fields() {
        #expect(interface.objects["DaemonStatus"]?.keys.sorted() == DaemonStatus.fieldNames.sorted())
        #expect(interface.objects["ServiceStatus"]?.keys.sorted() == ServiceStatus.fieldNames.sorted())
        #expect(interface.methods[GetStatus.name]?.input.keys.sorted() == GetStatus.Parameters.fieldNames.sorted())
        #expect(interface.methods[GetStatus.name]?.output.keys.sorted() == GetStatus.Result.fieldNames.sorted())
    }

    @Test("states have the described names, in the described order")
    func states() {
        #expect(interface.enumerations["ServiceState"] == ServiceState.allCases.map(\.rawValue))
        #expect(interface.enumerations["DaemonState"] == DaemonState.allCases.map(\.rawValue))
    }

    @Test("errors have the described fields, the optional ones only when they are set")
    func errors() {
        let fields = interface.errors["NoSuchService"]
        #expect(fields == ["service": "string", "nearest": "?string"])
        let error = VarlinkError.noSuchService("gti", nearest: "git")
        #expect(error.name == "io.serverd.Manager.NoSuchService")
        #expect(error.parameters == ["service": "gti", "nearest": "git"])
        #expect(VarlinkError.noSuchService("gti", nearest: nil).parameters == ["service": "gti"])
    }

    @Test("optional fields are absent from JSON when unset, others are there")
    func optionality() throws {
        let service = ServiceStatus(name: "git", state: .closed, addresses: [], connectionLimit: 1)
        let json = String(decoding: JSONText.encode(service), as: UTF8.self)
        for (name, type) in try #require(interface.objects["ServiceStatus"]) {
            #expect(json.contains("\"\(name)\":") == !type.hasPrefix("?"), "\(name)")
        }
    }

    @Test("every field, method, state and error is documented")
    func documented() {
        let lines = Manager.interfaceDescription.split(separator: "\n").map { $0.drop { $0 == " " } }
        for (line, previous) in zip(lines.dropFirst(), lines) where line.contains(/^[A-Za-z]/) {
            #expect(previous.hasPrefix("#"), "\(line)")
        }
    }
}
