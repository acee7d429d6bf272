// SPDX-License-Identifier: Apache-2.0
// The shortest uses of the library, as its README shows them.

internal import SocketServer
internal import TestSupport
internal import Testing

@Suite("A server in a few lines")
struct SmokeTests {
    @Test("an echo server on a port chosen by the system answers over IPv4 and IPv6")
    func echo() async throws {
        try await onLoop { loop in
            let server = try await Server.create(on: .portChosenByOS, onHandlerError: .ignore) { _, reader, writer in
                while let bytes = try await reader.read() { try await writer.write(bytes) }
            }
            for ip in [IPAddress.loopbackV4, .loopbackV6] {
                let client = try TestClient.connect(to: .inet(InetAddress(ip: ip, port: server.listeningOn)), on: loop)
                try client.write("hello")
                client.finishWriting()
                #expect(try await client.readToEnd() == Array("hello".utf8))
                await client.close()
            }
            await server.close()
            await server.closeFinishedAndHandlersDetermined()
            #expect(server.numConnections == 0)
        }
    }
}
