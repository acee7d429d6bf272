// SPDX-License-Identifier: Apache-2.0
// A login server made of one stanza: sshd -i, logged into by ssh with a key made for the test.

import Foundation
import Testing

extension Integration {
    @Suite("sshd -i and ssh") struct SSHTests {
        @Test("a command gets its input, and its output and exit code come back", arguments: Transport.available)
        func commandRuns(over transport: Transport) throws {
            let directory = try TemporaryDirectory()
            let configuration = try configure(in: directory)
            let sshd = [try Programs.installed("sshd"), "-i", "-f", configuration]
            let service = ServiceFile.program("ssh", listen: transport.listen("ssh", in: directory), sshd)
            let madeRunDirectory = geteuid() == 0 && mkdir("/run/sshd", 0o755) == 0
            defer { if madeRunDirectory { rmdir("/run/sshd") } }
            try withDaemon([service], in: directory, transport.options("ssh")) { daemon in
                let text = String(repeating: "through the tunnel\n", count: 50_000)
                let input = try directory.write(text, to: "input")
                let command = try ssh(to: daemon.endpoint("ssh"), in: directory) + ["cat; exit 7"]
                let result = try run(command, input: .file(input))
                #expect(result.exitCode == 7, "\(result.errors)")
                #expect(result.output == text)
            }
        }

        /// Makes the host's and the client's key; returns the path of a configuration that lets the latter in.
        private func configure(in directory: TemporaryDirectory) throws -> String {
            for key in ["host", "client"] {
                let options = ["-q", "-t", "ed25519", "-N", "", "-f", directory.path(key)]
                try succeed([try Programs.installed("ssh-keygen")] + options)
            }
            let lines = [
                "HostKey \(directory.path("host"))", "AuthorizedKeysFile \(directory.path("client.pub"))", "UsePAM no",
                "StrictModes no", "PasswordAuthentication no", "PermitRootLogin yes", "PidFile none",
            ]
            return try directory.write(lines.joined(separator: "\n") + "\n", to: "sshd.conf")
        }

        private func ssh(to endpoint: Endpoint, in directory: TemporaryDirectory) throws -> [String] {
            var words = [try Programs.installed("ssh"), "-F", "none", "-i", directory.path("client")]
            for option in [
                "IdentitiesOnly=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR",
                "BatchMode=yes",
            ] {
                words += ["-o", option]
            }
            let user = String(cString: getpwuid(geteuid()).pointee.pw_name)
            switch endpoint {
            case .inet(let host, let port): words += ["-p", String(port), "\(user)@\(host)"]
            case .unix:
                let connect = "\(try Programs.installed("socat")) -t 120 - \(endpoint.socatAddress)"
                words += ["-o", "ProxyCommand=\(connect)", "\(user)@localhost"]
            }
            return words
        }
    }
}
