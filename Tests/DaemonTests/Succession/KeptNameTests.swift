// SPDX-License-Identifier: Apache-2.0
// Names of kept descriptors: such as systemd takes, and found again by the address that was configured.

import Policy
import ServiceConfig
import Sockets
import Testing

@testable import Daemon

@Suite("names of kept descriptors") struct KeptNameTests {
    private let file = UnixSocketFile(path: "/run/a: b%.sock", device: 7, inode: .max)
    private let service: ServiceName
    private let other: ServiceName

    init() throws {
        service = try #require(ServiceName("web"))
        other = try #require(ServiceName("git"))
    }

    @Test(
        "a listener is found again by its address, and by no other",
        arguments: ["127.0.0.1:79", "[::1]:79", "79", "@name", "/run/serverd/a.sock"])
    func listenersAreFound(_ text: String) throws {
        let address = try ListenAddress(parsing: text)
        let name = try #require(KeptName.listener(on: address, of: service, nil))
        #expect(!name.contains(":"))
        #expect(KeptName.isListener(name, on: address, of: service))
        #expect(try !KeptName.isListener(name, on: ListenAddress(parsing: "127.0.0.1:80"), of: service))
    }

    @Test(
        "a listener whose port the system chose is found again by its service alone", arguments: ["127.0.0.1:0", "0"])
    func chosenPorts(_ text: String) throws {
        let address = try ListenAddress(parsing: text)
        let name = try #require(KeptName.listener(on: address, of: service, nil))
        #expect(!name.contains(":"))
        #expect(KeptName.isListener(name, on: address, of: service))
        #expect(KeptName.file(ofListener: name) == nil)
        #expect(!KeptName.isListener(name, on: address, of: other))
    }

    @Test("a listener on an address of its own is found again when another service has it now")
    func addressesMove() throws {
        let address = try ListenAddress(parsing: "127.0.0.1:79")
        let name = try #require(KeptName.listener(on: address, of: service, nil))
        #expect(KeptName.isListener(name, on: address, of: other))
    }

    @Test("a socket file keeps its identity")
    func filesKeepTheirIdentity() throws {
        let address = try ListenAddress.socketFile(file.path)
        let name = try #require(KeptName.listener(on: address, of: service, file))
        #expect(!name.contains(":"))
        #expect(name.unicodeScalars.allSatisfy { $0.isASCII && $0.value > 0x20 })
        #expect(KeptName.isListener(name, on: address, of: service))
        #expect(KeptName.file(ofListener: name) == file)
    }

    @Test(
        "what is no such name is nobody's",
        arguments: [
            "serverd-state", "serverd-listen-", "serverd-listen-1-2", "serverd-listen-x-2-a", "serverd-listen-1-2-%",
            "serverd-listen-1-2-%zz", "web", "",
        ])
    func otherNamesAreNone(_ name: String) throws {
        #expect(try !KeptName.isListener(name, on: ListenAddress(parsing: "127.0.0.1:79"), of: service))
        #expect(KeptName.file(ofListener: name) == nil)
    }
}
