// SPDX-License-Identifier: Apache-2.0
// Completions, in the shells that they are for, with the names of a daemon that runs.

import Foundation
import Testing

extension Integration {
    @Suite("completions") struct CompletionTests {
        private let services = ["alpha", "beta"].map { ServiceFile.builtin($0, listen: "127.0.0.1:0", "echo") }

        /// The variables with which a shell finds serverctl, and that the daemon.
        private func environment(_ daemon: RunningDaemon) throws -> [String: String] {
            let folder = URL(filePath: try Programs.serverctl).deletingLastPathComponent().path
            let path = ChildProcess.environment["PATH"] ?? ""
            return [
                "PATH": "\(folder):\(path)", "SERVERD_ADMIN_SOCKET": daemon.adminSocket,
                "HOME": daemon.directory.path,
            ]
        }

        private func script(_ shell: String, _ daemon: RunningDaemon) throws -> String {
            let text = try succeed([Programs.serverctl, "completion", shell])
            return try daemon.directory.write(text, to: "completion.\(shell)")
        }

        /// What bash offers for the last word of a command line.
        private func bash(_ line: String, _ script: String, _ daemon: RunningDaemon) throws -> Set<String> {
            let words = line.split(separator: " ", omittingEmptySubsequences: false).map { "'\($0)'" }
            let program = """
                source '\(script)'
                COMP_WORDS=(\(words.joined(separator: " "))) COMP_CWORD=\(words.count - 1)
                COMP_LINE='\(line)' COMP_POINT=\(line.utf8.count) COMPREPLY=()
                _serverctl serverctl \(words[words.count - 1]) \(words[words.count - 2])
                printf '%s\\n' "${COMPREPLY[@]}"
                """
            let output = try succeed(
                [Programs.installed("bash"), "--norc", "-c", program], environment: environment(daemon))
            return Set(output.split(separator: "\n").map(String.init))
        }

        /// What fish offers for the last word of a command line.
        private func fish(_ line: String, _ script: String, _ daemon: RunningDaemon) throws -> Set<String> {
            let program = "source '\(script)'; complete -C '\(line)'"
            let output = try succeed(
                [Programs.installed("fish"), "--no-config", "-c", program], environment: environment(daemon))
            return Set(output.split(separator: "\n").map { String($0.prefix { $0 != "\t" }) })
        }

        @Test("bash and fish offer verbs, options, and the services and connections that there are")
        func names() throws {
            try withDaemon(services) { daemon in
                let client = try Client(echoedBy: daemon.endpoint("alpha"))
                let id = "\(try #require(try daemon.connections().first).id)"
                let shells = [("bash", bash), ("fish", fish)]
                for (shell, offered) in shells {
                    let script = try script(shell, daemon)
                    #expect(try offered("serverctl sus", script, daemon) == ["suspend"], "\(shell)")
                    #expect(try offered("serverctl suspend ", script, daemon).isSuperset(of: ["alpha", "beta"]))
                    #expect(try offered("serverctl close b", script, daemon).contains("beta"), "\(shell)")
                    #expect(try offered("serverctl close --connection ", script, daemon) == [id], "\(shell)")
                    #expect(try offered("serverctl close --exi", script, daemon).contains("--existing"), "\(shell)")
                    #expect(try offered("serverctl close --existing s", script, daemon) == ["shutdown", "stop"])
                    #expect(try offered("serverctl show ", script, daemon).isSuperset(of: ["alpha", "beta", id]))
                }
                withExtendedLifetime(client) {}
            }
        }

        @Test("without a daemon no name is offered, and nothing is said")
        func nobodyThere() throws {
            let daemon = try RunningDaemon(services, in: TemporaryDirectory(), DaemonOptions())
            defer { daemon.process.end() }
            let scripts = (bash: try script("bash", daemon), fish: try script("fish", daemon))
            try daemon.stop()
            #expect(try bash("serverctl suspend a", scripts.bash, daemon) == [])
            #expect(try fish("serverctl suspend a", scripts.fish, daemon) == [])
        }

        @Test("each shell can read its script", arguments: ["bash", "zsh", "fish"])
        func syntax(shell: String) throws {
            let directory = try TemporaryDirectory()
            let text = try succeed([Programs.serverctl, "completion", shell])
            let script = try directory.write(text, to: "script")
            let broken = try directory.write(text + "\nif (", to: "broken")
            let read = [try Programs.installed(shell), shell == "fish" ? "--no-config" : "-f", "-n"]
            let command = shell == "bash" ? [read[0], "-n"] : read
            #expect(try run(command + [script], environment: ["HOME": directory.path]).exitCode == 0)
            #expect(try run(command + [broken], environment: ["HOME": directory.path]).exitCode != 0)
        }
    }
}
