// SPDX-License-Identifier: Apache-2.0
// Descriptors that are kept for the operator, and the warning that there may not be enough for all.

import Descriptors
import Glibc
import Policy
import ServiceConfig
import Sockets
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Daemon

@Suite("DescriptorReserve")
struct DescriptorReserveTests {
    @Test("when there is no other descriptor, one of the reserve is given for each connection, and taken back later")
    func exhausted() throws {
        let calls = Mutex(0)
        // The kernel's answers while others have everything: each second try is the one with a descriptor.
        let call = SystemCall<CInt, AcceptedConnection> { _ in
            let number = calls.withLock { calls in
                calls += 1
                return calls
            }
            guard number.isMultiple(of: 2) else { return .failure(.tooManyOpenFiles) }
            return .success(AcceptedConnection(descriptor: 999_999, peer: .unix(.unnamed)))
        }
        let reserve = DescriptorReserve(2)
        #expect(reserve.count == 2)
        let accept = reserve.accepting(by: call)
        for _ in 1...3 { _ = try accept(0).get() }
        #expect(calls.withLock { $0 } == 6)
        // Here there are descriptors: it is full again at once.
        #expect(reserve.count == 2)
        reserve.close()
        #expect(throws: Errno.tooManyOpenFiles) { try accept(0).get() }
        reserve.refill()
        #expect(reserve.count == 2)
    }

    @Test("other failures do not touch it")
    func others() throws {
        let reserve = DescriptorReserve(1)
        let accept = reserve.accepting(by: SystemCall { _ in .failure(.wouldBlock) })
        #expect(throws: Errno.wouldBlock) { try accept(0).get() }
        #expect(reserve.count == 1)
    }

    @Test("limits that together are more than the descriptors are warned of, those that just fit are not")
    func shortage() throws {
        let files = (1...3).map { number in
            SourceFile(
                path: "s\(number).toml",
                text: "listen = \(7000 + number)\nbuiltin = \"echo\"\nmax_connections = 100\n")
        }
        let configuration = try Configuration(main: nil, services: files, context: .current())
        #expect(configuration.descriptorShortage(limit: 300) == nil)
        #expect(configuration.descriptorShortage(limit: 299) == .shortage(connections: 300, descriptors: 299))
    }
}
