// SPDX-License-Identifier: Apache-2.0
// A web server made of one stanza: busybox httpd, asked by curl.

import Foundation
import Testing

extension Integration {
    @Suite("busybox httpd and curl") struct HTTPTests {
        @Test("1,000 requests, 50 at a time, are all answered in full", arguments: Transport.available)
        func everyRequestIsAnswered(over transport: Transport) throws {
            let directory = try TemporaryDirectory()
            let page = String(repeating: "A page of some length. ", count: 300)
            try directory.write(page, to: "www/page.html")
            let command = [try Programs.installed("busybox"), "httpd", "-i", "-h", directory.path("www")]
            let web = ServiceFile.program("web", listen: transport.listen("web", in: directory), command)
            try withDaemon([web], in: directory, transport.options("web")) { daemon in
                try fetch(1000, from: daemon.endpoint("web"), into: directory)
                let answers = (1...1000).map { readText(directory.path("answers/\($0)")) }
                #expect(answers.filter { $0 == page }.count == 1000)
                #expect(try daemon.status(of: "web").connectionsAccepted >= 1000)
            }
        }

        /// Has one curl make `count` requests, and keep each answer in a file of its own.
        private func fetch(_ count: Int, from endpoint: Endpoint, into directory: TemporaryDirectory) throws {
            let requests = (1...count).map { number in
                """
                url = "http://\(endpoint.urlHost)/page.html?\(number)"
                output = "\(directory.path("answers/\(number)"))"
                """
            }
            let configuration = try directory.write(requests.joined(separator: "\n"), to: "curl.conf")
            var command = [
                try Programs.installed("curl"), "--disable", "--silent", "--show-error", "--fail", "--globoff",
            ]
            command += ["--create-dirs", "--parallel", "--parallel-immediate", "--parallel-max", "50"]
            if case .unix(let path) = endpoint { command += ["--unix-socket", path] }
            try succeed(command + ["--config", configuration])
        }
    }
}
