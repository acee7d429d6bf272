// SPDX-License-Identifier: Apache-2.0
// What becomes of an address at a reload, by what its service does about it and whether it has listened till then.

import Testing

@testable import Daemon
@testable import ServiceConfig

@Suite("ListenerPlan")
struct ListenerPlanTests {
    private let service: ServiceName
    private let own: ListenerReference
    private let others: ListenerReference

    init() throws {
        service = try #require(ServiceName("test"))
        let address = try ListenAddress(parsing: "127.0.0.1:79")
        own = ListenerReference(service: service, address: address)
        others = ListenerReference(service: try #require(ServiceName("other")), address: address)
    }

    private func plan(_ action: ListenerChange.Action, listens: Bool) -> ListenerPlan {
        ListenerPlan(ListenerChange(address: own.address, action: action), of: service, listens: listens)
    }

    @Test("an address that stays is left alone by a service that listens, and opened by one that does not")
    func keep() {
        #expect(!plan(.keep, listens: true).isGivenUp && !plan(.keep, listens: true).isOpened)
        let opened = plan(.keep, listens: false)
        #expect(opened.address == own.address && opened.isGivenUp && opened.isOpened && opened.after == [own])
    }

    @Test("a socket file that is made anew is opened after its old listener is closed", arguments: [true, false])
    func replace(listens: Bool) {
        let plan = plan(.replace, listens: listens)
        #expect(plan.isGivenUp && plan.isOpened && plan.after == [own])
    }

    @Test("an address that is not wanted any more is given up", arguments: [true, false])
    func close(listens: Bool) {
        let plan = plan(.close, listens: listens)
        #expect(plan.isGivenUp && !plan.isOpened)
    }

    @Test(
        "a new address is opened after those who had it have closed it, an earlier self too", arguments: [true, false])
    func open(listens: Bool) {
        let plan = plan(.open(after: [others]), listens: listens)
        #expect(!plan.isGivenUp && plan.isOpened && plan.after == [own, others])
    }
}
