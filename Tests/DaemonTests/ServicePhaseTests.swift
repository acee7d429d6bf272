// SPDX-License-Identifier: Apache-2.0
// Every event in every state of a service's phase: what becomes of it, and what is to be done.

import Testing

@testable import Daemon

@Suite("ServicePhase")
struct ServicePhaseTests {
    private typealias State = ServicePhase.State
    private typealias Action = ServicePhase.Action

    /// A phase in this state.
    private static func phase(_ state: State) -> ServicePhase {
        var phase = ServicePhase()
        switch state {
        case .open: break
        case .draining: _ = phase.beginDraining()
        case .closed: phase.remainClosed()
        case .departing: _ = phase.depart()
        }
        return phase
    }

    /// What an event makes of the states, in their order.
    private static func outcomes<Outcome>(
        _ event: (inout ServicePhase) -> Outcome
    ) -> (states: [State], outcomes: [Outcome]) {
        var result: (states: [State], outcomes: [Outcome]) = ([], [])
        for state in State.allCases {
            var phase = phase(state)
            result.outcomes.append(event(&phase))
            result.states.append(phase.state)
        }
        return result
    }

    @Test("it begins open; it is on its way to its end while it drains, and while it departs")
    func questions() {
        #expect(ServicePhase().state == .open)
        #expect(State.allCases.map { Self.phase($0).state } == State.allCases)
        #expect(State.allCases.filter { Self.phase($0).isOpen } == [.open])
        #expect(State.allCases.filter { Self.phase($0).isEnding } == [.draining, .departing])
    }

    @Test("a closing has only an open service drain")
    func beginDraining() {
        let (states, actions) = Self.outcomes { $0.beginDraining() }
        #expect(states == [.draining, .draining, .closed, .departing])
        #expect(actions == [.drain, .nothing, .nothing, .nothing])
    }

    @Test("what has drained is closed, but for a service that departs")
    func drained() {
        #expect(Self.outcomes { $0.drained() }.states == [.open, .closed, .closed, .departing])
    }

    @Test("a handler's error closes an open service, and changes nothing about one that drains")
    func handlerFailed() {
        let (states, actions) = Self.outcomes { $0.handlerFailed("why") }
        #expect(states == [.closed, .draining, .closed, .departing])
        #expect(actions == [.close, .nothing, .nothing, .nothing])
    }

    @Test("one that was closed before the daemon began stays so")
    func remainClosed() {
        #expect(Self.outcomes { $0.remainClosed() }.states == [.closed, .draining, .closed, .departing])
    }

    @Test("a closed service can be opened, one that drains or departs cannot")
    func open() {
        let (states, areOpen) = Self.outcomes { $0.open() }
        #expect(states == [.open, .draining, .open, .departing])
        #expect(areOpen == [true, false, true, false])
    }

    @Test("it knows whether it was told to close: a handler's error does not tell it, and opening ends that")
    func toldToClose() {
        #expect(State.allCases.map { Self.phase($0).isToldToClose } == [false, true, true, true])
        var phase = ServicePhase()
        _ = phase.handlerFailed("why")
        phase.remainClosed()
        #expect(!phase.isToldToClose)
        _ = phase.beginDraining()
        #expect(phase.state == .closed && phase.isToldToClose)
        phase.open()
        #expect(!phase.isToldToClose)
        _ = phase.beginDraining(alone: false)
        phase.open()
        #expect(phase.state == .draining && !phase.isToldToClose, "a drain of everything does not tell it")
        _ = phase.beginDraining()
        #expect(phase.isToldToClose)
        var next = ServicePhase()
        next.remainClosed(isToldTo: false)
        #expect(next.state == .closed && !next.isToldToClose)
    }

    @Test("why a handler's error closed it is known until it opens, whoever closes it meanwhile")
    func failure() {
        var phase = ServicePhase()
        _ = phase.handlerFailed("why")
        _ = phase.beginDraining()
        #expect(phase.failure == "why")
        phase.open()
        #expect(phase.failure == nil)
        _ = phase.beginDraining()
        _ = phase.handlerFailed("too late")
        phase.drained()
        #expect(phase.failure == nil)
        var next = ServicePhase()
        next.remainClosed(isToldTo: true, failure: "why")
        next.remainClosed()
        #expect(next.failure == "why" && next.isToldToClose)
    }

    @Test("whatever it does, it can be taken out of the configuration, and never comes back")
    func depart() {
        let (states, actions) = Self.outcomes { $0.depart() }
        #expect(states == [.departing, .departing, .departing, .departing])
        #expect(actions == [.drain, .nothing, .nothing, .nothing])
        let (after, _) = Self.outcomes { phase in
            _ = phase.depart()
            phase.drained()
            phase.open()
        }
        #expect(after == [.departing, .departing, .departing, .departing])
    }
}
