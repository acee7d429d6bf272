// SPDX-License-Identifier: Apache-2.0
// A Varlink server and a Varlink client made with our module, for other implementations to talk to.

internal import Glibc
internal import ManagerInterface
internal import SocketServer
internal import Varlink

/// A method that turns the connection into one that sends back what it receives.
enum Echo: VarlinkMethod {
    static let interface = "org.example.echo"
    static let name = "Echo"
    static let description = """
        # Sends back what it receives.
        interface org.example.echo

        # Turns the connection into one that sends back what it receives. Needs "upgrade".
        method Echo() -> ()

        """
    typealias Parameters = NoFields
    typealias Result = NoFields
}

let service = Dispatcher<Peer>(
    identity: ServiceIdentity(vendor: "serverd", product: "varlink peer", version: "1", url: "https://example.org"),
    interfaces: [
        certificationInterface(),
        Interface(
            name: Echo.interface, description: Echo.description,
            methods: [
                Method(upgrading: Echo.self) {
                    (_, _) async throws(VarlinkError) -> (reply: NoFields, upgrade: Peer.Echo) in
                    (NoFields(), Peer.Echo())
                }
            ]),
        // Its description is to be read; who answers is the daemon.
        Interface(name: Manager.interfaceName, description: Manager.interfaceDescription, methods: []),
    ])

func serve(_ reader: Reader, _ writer: Writer) async throws {
    let end = try await service.serve(
        Peer(), receive: { try await reader.read() }, send: { try await writer.write($0) })
    guard case .upgraded(_, let unconsumed) = end else { return }
    try await writer.write(unconsumed)
    while let bytes = try await reader.read() { try await writer.write(bytes) }
}

let arguments = CommandLine.arguments
guard arguments.count == 3, ["serve", "certify"].contains(arguments[1]) else {
    print("usage: VarlinkPeer serve PATH | certify PATH")
    exit(2)
}
if arguments[1] == "certify" {
    var client = try BlockingClient(path: arguments[2])
    try certify(&client)
} else {
    try EventLoop.run {
        let server = try await Server.create(on: .file(arguments[2]), onHandlerError: .ignore) { _, reader, writer in
            try await serve(reader, writer)
        }
        print("serving")
        fflush(nil)
        await server.closeFinished()
    }
}
