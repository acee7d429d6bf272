// SPDX-License-Identifier: Apache-2.0
// Names of kept descriptors: such as systemd takes, and found again by the address that was configured.

import Policy
import ServiceConfig
import Sockets
import Testing

@testable import Daemon

@Suite("names of kept descriptors") struct KeptNameTests {
    private let file = UnixSocketFile(path: "/run/a: b%.sock", device: 7, inode: .max)

    @Test(
        "a listener is found again by its address, and by no other",
        arguments: ["127.0.0.1:79", "[::1]:79", "79", "@name", "/run/serverd/a.sock"])
    func listenersAreFound(_ text: String) throws {
        let address = try ListenAddress(parsing: text)
        let name = try #require(KeptName.listener(on: address, nil))
        #expect(!name.contains(":"))
        #expect(KeptName.file(ofListener: name, on: address) != nil)
        #expect(try KeptName.file(ofListener: name, on: ListenAddress(parsing: "127.0.0.1:80")) == nil)
    }

    @Test("a socket file keeps its identity")
    func filesKeepTheirIdentity() throws {
        let address = try ListenAddress.socketFile(file.path)
        let name = try #require(KeptName.listener(on: address, file))
        #expect(!name.contains(":"))
        #expect(name.unicodeScalars.allSatisfy { $0.isASCII && $0.value > 0x20 })
        #expect(KeptName.file(ofListener: name, on: address) == .some(.some(file)))
        #expect(KeptName.file(ofListener: name) == file)
    }

    @Test(
        "what is no such name is nobody's",
        arguments: [
            "serverd-state", "serverd-listen-", "serverd-listen-1-2", "serverd-listen-x-2-a", "serverd-listen-1-2-%",
            "serverd-listen-1-2-%zz", "web", "",
        ])
    func otherNamesAreNone(_ name: String) throws {
        #expect(try KeptName.file(ofListener: name, on: ListenAddress(parsing: "127.0.0.1:79")) == nil)
        #expect(KeptName.file(ofListener: name) == nil)
    }
}
