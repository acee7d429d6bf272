// SPDX-License-Identifier: Apache-2.0
// The plainest handler, cat, with a long stream and with a client that finishes sending first.

import Foundation
import Testing

extension Integration {
    @Suite("cat and long streams") struct StreamTests {
        @Test("100 MiB come back unchanged", arguments: Transport.available)
        func longStreamComesBack(over transport: Transport) throws {
            let directory = try TemporaryDirectory()
            let (sent, returned) = (directory.path("sent"), directory.path("returned"))
            let head = [try Programs.installed("head"), "--bytes=104857600", "/dev/urandom"]
            #expect(try ChildProcess(head, output: .file(sent)).wait() == 0)
            try withCat(over: transport, in: directory) { daemon in
                let socat = [
                    try Programs.installed("socat"), "-t", "120", "-", try daemon.endpoint("cat").socatAddress,
                ]
                let client = try ChildProcess(socat, input: .file(sent), output: .file(returned))
                defer { client.end() }
                #expect(try client.wait() == 0)
                #expect(try checksum(returned) == checksum(sent))
            }
        }

        @Test("what was sent comes back after the client finished sending", arguments: Transport.available)
        func halfCloseKeepsTheOtherHalf(over transport: Transport) throws {
            try withCat(over: transport, in: TemporaryDirectory()) { daemon in
                let client = try Client(daemon.endpoint("cat"))
                try client.send("first, ")
                #expect(try client.receive(7) == "first, ")
                try client.send("last")
                client.finishSending()
                #expect(try client.receive() == "last")
            }
        }

        private func withCat(
            over transport: Transport, in directory: TemporaryDirectory, _ body: (RunningDaemon) throws -> Void
        ) throws {
            let listen = transport.listen("cat", in: directory)
            let cat = ServiceFile.program("cat", listen: listen, [try Programs.installed("cat")])
            try withDaemon([cat], in: directory, transport.options("cat"), body)
        }

        private func checksum(_ path: String) throws -> Substring {
            try succeed([try Programs.installed("sha256sum"), path]).prefix { $0 != " " }
        }
    }
}
