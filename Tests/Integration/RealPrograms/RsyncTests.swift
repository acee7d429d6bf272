// SPDX-License-Identifier: Apache-2.0
// An rsync server made of one stanza: rsync --daemon on its standard input, copied from by rsync.

import Foundation
import Testing

extension Integration {
    @Suite("rsync --daemon and rsync") struct RsyncTests {
        @Test("a tree arrives as it is", arguments: Transport.available)
        func treeArrives(over transport: Transport) throws {
            let directory = try TemporaryDirectory()
            for number in 1...50 {
                let text = String(repeating: "line \(number)\n", count: number * 100)
                try directory.write(text, to: "source/\(number % 5)/file-\(number)")
            }
            let configuration = try directory.write(module(at: directory.path("source")), to: "rsyncd.conf")
            let rsync = try Programs.installed("rsync")
            let service = ServiceFile.program(
                "rsync", listen: transport.listen("rsync", in: directory),
                [rsync, "--daemon", "--config=\(configuration)"])
            try withDaemon([service], in: directory, transport.options("rsync")) { daemon in
                let endpoint = try daemon.endpoint("rsync")
                let copy = directory.path("copy")
                try succeed(
                    [rsync, "--archive", "rsync://\(endpoint.urlHost)/data/", copy],
                    environment: try environment(endpoint))
                try succeed([try Programs.installed("diff"), "--recursive", directory.path("source"), copy])
            }
        }

        private func module(at path: String) -> String {
            let owner = geteuid() == 0 ? "uid = root\ngid = root\n" : ""
            return "use chroot = no\nreverse lookup = no\n[data]\npath = \(path)\n\(owner)"
        }

        /// rsync itself knows no Unix sockets, but any program that connects for it.
        private func environment(_ endpoint: Endpoint) throws -> [String: String] {
            guard case .unix = endpoint else { return [:] }
            return ["RSYNC_CONNECT_PROG": "\(try Programs.installed("socat")) -t 120 STDIO \(endpoint.socatAddress)"]
        }
    }
}
