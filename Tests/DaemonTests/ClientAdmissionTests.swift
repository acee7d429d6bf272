// SPDX-License-Identifier: Apache-2.0
// Who finds room on the admin socket: at the limits, one below and one above, and against a model.

import Testing

@testable import Daemon

@Suite("ClientAdmission")
struct ClientAdmissionTests {
    private static let limit = 256
    private static let reserve = 16
    private static let share = 60

    /// Users with so many clients each, all of whom have called; the ids count from 1, and so do the seconds.
    private static func with(_ users: [(uid: UInt32, count: Int)], owner: UInt32 = 0) -> ClientAdmission {
        var admission = ClientAdmission(limit: limit, owner: owner)
        var id: UInt64 = 0
        for user in users {
            for _ in 0..<user.count {
                id += 1
                #expect(admission.arrived(id, uid: user.uid, at: .seconds(Int64(id))) == .admitted(insteadOf: nil))
                admission.heard(id, at: .seconds(Int64(id)))
            }
        }
        return admission
    }

    @Test("a user has a share and no more, whatever room there is", arguments: [(58, true), (59, true), (60, false)])
    func share(count: Int, isAdmitted: Bool) {
        var admission = Self.with([(1000, count)])
        #expect(
            admission.arrived(999, uid: 1000, at: .zero)
                == (isAdmitted ? .admitted(insteadOf: nil) : .refused(limit: Self.share)))
        #expect(admission.arrived(1000, uid: 1001, at: .zero) == .admitted(insteadOf: nil))
    }

    @Test("the last places are root's", arguments: [(238, true), (239, true), (240, false)])
    func reserve(count: Int, isAdmitted: Bool) {
        var admission = Self.with([(0, count)])
        #expect(
            admission.arrived(999, uid: 1000, at: .zero)
                == (isAdmitted ? .admitted(insteadOf: nil) : .refused(limit: Self.limit - Self.reserve)))
        #expect(admission.arrived(1000, uid: 0, at: .zero) == .admitted(insteadOf: nil))
    }

    @Test("root takes the place of another user's client, the one silent for longest, and is refused by root's alone")
    func root() {
        var admission = Self.with([(1, 60), (2, 60), (3, 60), (4, 60), (0, 16)])
        #expect(admission.arrived(999, uid: 0, at: .zero) == .admitted(insteadOf: 1))
        var full = Self.with([(0, 256)])
        #expect(full.arrived(999, uid: 0, at: .zero) == .refused(limit: 256))
        full.left(1)
        #expect(full.arrived(999, uid: 0, at: .zero) == .admitted(insteadOf: nil))
    }

    @Test("whoever has called again is silent for less long than those who came later")
    func heardAgain() {
        var admission = Self.with([(1, 60), (2, 60), (3, 60), (4, 60), (0, 16)])
        for id in [1, 3] as [UInt64] { admission.heard(id, at: .seconds(1000 + Int64(id))) }
        #expect(admission.arrived(997, uid: 0, at: .seconds(2000)) == .admitted(insteadOf: 2))
        for id in 4...240 as ClosedRange<UInt64> { admission.heard(id, at: .seconds(1500)) }
        #expect(admission.arrived(998, uid: 0, at: .seconds(2000)) == .admitted(insteadOf: 997))
        admission.heard(998, at: .seconds(2000))
        #expect(admission.arrived(999, uid: 0, at: .seconds(2000)) == .admitted(insteadOf: 1))
    }

    @Test("the daemon's own user has the rights of root")
    func owner() {
        var admission = Self.with([(1000, 256)], owner: 1000)
        #expect(admission.arrived(999, uid: 0, at: .zero) == .refused(limit: 256))
        admission.left(256)
        #expect(admission.arrived(999, uid: 1000, at: .zero) == .admitted(insteadOf: nil))
    }

    @Test("a client that has never called gives its place up, but root's only to root")
    func silent() {
        var admission = Self.with([(0, 15), (1, 60), (2, 60), (3, 60), (4, 44)])
        #expect(admission.arrived(900, uid: 0, at: .seconds(900)) == .admitted(insteadOf: nil))
        #expect(admission.arrived(901, uid: 5, at: .seconds(901)) == .refused(limit: 240))
        admission.left(239)
        #expect(admission.arrived(902, uid: 5, at: .seconds(902)) == .admitted(insteadOf: nil))
        #expect(admission.arrived(903, uid: 5, at: .seconds(903)) == .admitted(insteadOf: 902))
        #expect(admission.arrived(904, uid: 1, at: .seconds(904)) == .refused(limit: 60))
        admission.heard(903, at: .seconds(905))
        #expect(!admission.removeIfSilent(903) && admission.removeIfSilent(900) && !admission.removeIfSilent(900))
    }

    @Test("however clients come, call and go, no bound is ever passed, and nobody who called makes way for a stranger")
    func model() {
        var random = SystemRandomNumberGenerator()
        var admission = ClientAdmission(limit: 32, owner: 7)
        // 2 places in reserve, a share of 7.
        var model: [UInt64: (uid: UInt32, hasCalled: Bool)] = [:]
        for id in UInt64(1)...4000 {
            let uid = [0, 7, 1, 2, 3, 4, 5].randomElement(using: &random) ?? 0
            let isPrivileged = { $0 == 0 || $0 == 7 }
            if case .admitted(let other) = admission.arrived(id, uid: UInt32(uid), at: .seconds(Int64(id))) {
                if let other {
                    let former = model.removeValue(forKey: other)
                    #expect(former.map { !$0.hasCalled || (isPrivileged(uid) && !isPrivileged(Int($0.uid))) } == true)
                }
                model[id] = (UInt32(uid), false)
            } else {
                let own = model.values.count { $0.uid == uid }
                #expect(isPrivileged(uid) ? model.count == 32 : own == 7 || model.count >= 30)
            }
            #expect(model.count <= 32)
            for user in UInt32(1)...5 { #expect(model.values.count { $0.uid == user } <= 7) }
            if let some = model.keys.randomElement(using: &random), Bool.random(using: &random) {
                admission.heard(some, at: .seconds(Int64(id)))
                model[some]?.hasCalled = true
            }
            if let some = model.keys.randomElement(using: &random), UInt8.random(in: 0..<4, using: &random) == 0 {
                admission.left(some)
                model[some] = nil
            }
        }
    }
}
