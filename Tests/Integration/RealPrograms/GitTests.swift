// SPDX-License-Identifier: Apache-2.0
// A git server made of one stanza: git daemon, cloned from by git.

import Foundation
import Testing

extension Integration {
    @Suite("git daemon and git clone") struct GitTests {
        @Test("a clone has the same head and is whole", arguments: Transport.available)
        func cloneIsComplete(over transport: Transport) throws {
            let directory = try TemporaryDirectory()
            let git = try Programs.installed("git")
            let head = try makeRepository(in: directory, git)
            let command = [git, "daemon", "--inetd", "--export-all", "--base-path=\(directory.path)"]
            let service = ServiceFile.program("git", listen: transport.listen("git", in: directory), command)
            try withDaemon([service], in: directory, transport.options("git")) { daemon in
                let endpoint = try daemon.endpoint("git")
                let clone = directory.path("clone")
                try succeed(
                    [git, "clone", "--quiet", "git://\(endpoint.urlHost)/repository", clone],
                    environment: try environment(endpoint, directory))
                #expect(try succeed([git, "-C", clone, "rev-parse", "HEAD"]) == head)
                try succeed([git, "-C", clone, "fsck", "--strict"])
            }
        }

        /// A repository with some history and a few megabytes; returns its head.
        private func makeRepository(in directory: TemporaryDirectory, _ git: String) throws -> String {
            let repository = directory.path("repository")
            try succeed([git, "init", "--quiet", repository])
            let inside = [git, "-C", repository, "-c", "user.name=Test", "-c", "user.email=test@example.org"]
            for number in 1...5 {
                var noise = SystemRandomNumberGenerator()
                let bytes = Data((0..<200_000).map { _ in UInt8.random(in: .min ... .max, using: &noise) })
                try directory.write(bytes, to: "repository/file-\(number)")
                try succeed(inside + ["add", "."])
                try succeed(inside + ["commit", "--quiet", "--message", "Change \(number)"])
            }
            return try succeed(inside + ["rev-parse", "HEAD"])
        }

        /// git itself knows no Unix sockets, but any program that connects for it.
        private func environment(_ endpoint: Endpoint, _ directory: TemporaryDirectory) throws -> [String: String] {
            guard case .unix = endpoint else { return [:] }
            let script = "#!/bin/sh\nexec \(try Programs.installed("socat")) -t 120 - \(endpoint.socatAddress)\n"
            return ["GIT_PROXY_COMMAND": try directory.writeProgram(script, to: "connect")]
        }
    }
}
