// SPDX-License-Identifier: Apache-2.0
// Ending streams that others hold, by SOCK_DESTROY: what each end sees, and who may not.

internal import EventLoops
internal import Glibc
internal import Policy
internal import Sockets
internal import SystemPackage
internal import TestSupport
internal import Testing

// capset(2), which no header of glibc declares: it takes capabilities from the calling thread alone.
@_silgen_name("capset")
private func capset(_ header: UnsafePointer<UInt32>, _ data: UnsafePointer<UInt32>) -> CInt

// capget(2).
@_silgen_name("capget")
private func capget(_ header: UnsafePointer<UInt32>, _ data: UnsafeMutablePointer<UInt32>) -> CInt

/// Version 3 of the structure, and this thread.
private let capabilityHeader: [UInt32] = [0x2008_0522, 0]
/// CAP_NET_ADMIN in the first word.
private let networkAdministration: UInt32 = 1 << 12

/// Whether this kernel can destroy sockets.
private let isSupported: Bool = {
    let nobody = InetAddress(ip: .loopbackV4, port: 1)
    do throws(SocketDiagnosisFailure) {
        try SocketDiagnostics.destroy(StreamIdentity(local: nobody, peer: nobody, cookie: 1))
        return true
    } catch {
        return error != .notSupported
    }
}()

/// Whether this process may.
private let isPermitted: Bool = {
    var sets = [UInt32](repeating: 0, count: 6)
    return capget(capabilityHeader, &sets) == 0 && sets[0] & networkAdministration != 0
}()

@Suite("ending TCP streams", .enabled(if: isSupported, "this kernel has no SOCK_DESTROY"))
struct SocketDestructionTests {
    @Test(
        "both ends see the end, and no other stream does",
        .enabled(if: isPermitted, "ending a stream needs CAP_NET_ADMIN"), arguments: 0..<4)
    func destroy(place: Int) async throws {
        try await onLoop { loop in
            let (place, ip) = SocketDiagnosticsTests.places[place]
            let streams = try Streams(place, on: loop)
            let (server, client) = try streams.connect(to: ip)
            let neighbour = try streams.connect(to: ip)
            let identity = try #require(server.streamIdentity)
            try SocketDiagnostics.destroy(identity)
            await #expect(throws: Errno.connectionReset) { try await client.socket.receive(upTo: 1) }
            await #expect(throws: Errno.connectionAbort) { try await server.receive(upTo: 1) }
            #expect(throws: SocketDiagnosisFailure.notFound) { try SocketDiagnostics.destroy(identity) }
            #expect(throws: SocketDiagnosisFailure.notFound) { try SocketDiagnostics.stream(identity) }
            try neighbour.client.write("still here")
            #expect(try await neighbour.server.receive(upTo: 100).count == 10)
            for pair in [(server, client), neighbour] {
                await pair.0.close()
                await pair.1.close()
            }
            streams.listener.close()
        }
    }

    @Test("without CAP_NET_ADMIN it is not permitted, and looking still is")
    func notPermitted() async throws {
        try await onLoop { loop in
            let streams = try Streams(.address(.loopback(port: 0)), on: loop)
            let (server, client) = try streams.connect(to: .loopbackV4)
            let identity = try #require(server.streamIdentity)
            let outcome = OneShot<Result<Void, SocketDiagnosisFailure>>()
            let look = OneShot<TCPStream?>()
            startThread {
                var sets = [UInt32](repeating: 0, count: 6)
                precondition(capset(capabilityHeader, &sets) == 0, "capset: \(String(cString: strerror(errno)))")
                look.fulfil(try? SocketDiagnostics.stream(identity))
                outcome.fulfil(Result { () throws(SocketDiagnosisFailure) in try SocketDiagnostics.destroy(identity) })
            }
            #expect(await look.value()?.identity == identity)
            await #expect(throws: SocketDiagnosisFailure.notPermitted) { try await outcome.value().get() }
            #expect(try SocketDiagnostics.stream(identity).state == .established)
            await server.close()
            await client.close()
            streams.listener.close()
        }
    }

    @Test("each failure tells an operator what to do")
    func words() {
        #expect("\(SocketDiagnosisFailure.notFound)" == "the stream has ended")
        #expect("\(SocketDiagnosisFailure.notPermitted)".contains("CAP_NET_ADMIN"))
        #expect("\(SocketDiagnosisFailure.notSupported)".contains("CONFIG_INET_DIAG_DESTROY"))
        #expect("\(SocketDiagnosisFailure.failed(.noMemory))".contains("Cannot allocate memory"))
    }
}
