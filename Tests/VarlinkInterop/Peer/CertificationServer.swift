// SPDX-License-Identifier: Apache-2.0
// The server's side of `org.varlink.certification`: it expects one call after the other, with the values it replied.

internal import Synchronization
internal import Varlink

/// Whoever calls; what it upgrades to is an echo.
struct Peer: VarlinkCaller {
    struct Echo: Sendable {}
    typealias Upgrade = Echo
}

/// Which method each client is to call next.
final class Progress: Sendable {
    private struct State {
        var next: [String: String] = [:]
        var count = 0
    }

    private let state = Mutex(State())

    /// A new client, which is to call `method` next.
    func begin(with method: any CertificationMethod.Type) -> String {
        state.withLock { state in
            state.count += 1
            let client = "client-\(state.count)"
            state.next[client] = method.name
            return client
        }
    }

    /// Notes a call and what is to follow it.
    ///
    /// - Throws: what is wrong with it: nobody has the id, it is not the call's turn, or it was not called as expected.
    ///   The client has to begin anew then.
    func take(
        _ method: any CertificationMethod.Type, from client: String, then next: (any CertificationMethod.Type)?,
        _ isExpected: Bool = true
    ) throws(VarlinkError) {
        let expected = state.withLock { state in
            defer { state.next[client] = isExpected && state.next[client] == method.name ? next?.name : nil }
            return state.next[client]
        }
        guard let expected else { throw VarlinkError(ClientIDError()) }
        guard isExpected, expected == method.name else {
            throw VarlinkError(
                CertificationError(wants: ["method": .string(expected)], got: ["method": .string(method.name)]))
        }
    }
}

/// The interface, served.
func certificationInterface() -> Interface<Peer> {
    Interface(
        name: Certification.name, description: Certification.description,
        methods: simpleMethods(Progress()))
}

private func simpleMethods(_ progress: Progress) -> [Method<Peer>] {
    typealias Four = Certification.Four
    return [
        Method(Start.self) { (_, _) async throws(VarlinkError) -> Certification.ClientID in
            Certification.ClientID(clientID: progress.begin(with: Test01.self))
        },
        Method(Test01.self) { (call, _) async throws(VarlinkError) -> Test01.Result in
            try progress.take(Test01.self, from: call.clientID, then: Test02.self)
            return Test01.Result(bool: true)
        },
        Method(Test02.self) { (call, _) async throws(VarlinkError) -> Test02.Result in
            try progress.take(Test02.self, from: call.clientID, then: Test03.self, call.bool)
            return Test02.Result(int: 1)
        },
        Method(Test03.self) { (call, _) async throws(VarlinkError) -> Test03.Result in
            try progress.take(Test03.self, from: call.clientID, then: Test04.self, call.int == 1)
            return Test03.Result(float: 1)
        },
        Method(Test04.self) { (call, _) async throws(VarlinkError) -> Test04.Result in
            try progress.take(Test04.self, from: call.clientID, then: Test05.self, call.float == 1)
            return Test04.Result(string: "ping")
        },
        Method(Test05.self) { (call, _) async throws(VarlinkError) -> Four in
            try progress.take(Test05.self, from: call.clientID, then: Test06.self, call.string == "ping")
            return Certification.four
        },
        Method(Test06.self) { (call, _) async throws(VarlinkError) -> Test06.Result in
            let four = Four(bool: call.bool, int: call.int, float: call.float, string: call.string)
            try progress.take(Test06.self, from: call.clientID, then: Test07.self, four == Certification.four)
            return Test06.Result(four: four)
        },
        Method(Test07.self) { (call, _) async throws(VarlinkError) -> Test07.Result in
            try progress.take(Test07.self, from: call.clientID, then: Test08.self, call.four == Certification.four)
            return Test07.Result(map: Certification.map)
        },
        Method(Test08.self) { (call, _) async throws(VarlinkError) -> Test08.Result in
            try progress.take(Test08.self, from: call.clientID, then: Test09.self, call.map == Certification.map)
            return Test08.Result(set: Certification.set)
        },
        Method(Test09.self) { (call, _) async throws(VarlinkError) -> Test09.Result in
            try progress.take(Test09.self, from: call.clientID, then: Test10.self, call.set == Certification.set)
            return Test09.Result(mytype: Certification.myType)
        },
        Method(streaming: Test10.self) { call, _, replies in
            try progress.take(Test10.self, from: call.clientID, then: Test11.self, call.mytype == Certification.myType)
            let all = Certification.replies
            for reply in all.dropLast() { try await replies.send(Test10.Result(string: reply)) }
            return Test10.Result(string: all[all.count - 1])
        },
        Method(Test11.self) { (call, _) async throws(VarlinkError) -> NoFields in
            let isExpected = call.lastMoreReplies == Certification.replies
            try progress.take(Test11.self, from: call.clientID, then: End.self, isExpected)
            return NoFields()
        },
        Method(End.self) { (call, _) async throws(VarlinkError) -> End.Result in
            try progress.take(End.self, from: call.clientID, then: nil)
            return End.Result(allOK: true)
        },
    ]
}
