// SPDX-License-Identifier: Apache-2.0
// The unit of a process, found in what the kernel tells of its control groups.

import Testing

@testable import Systemd

@Suite("unit's name") struct UnitNameTests {
    @Test(
        "it is the innermost service, in whatever group of it the process is",
        arguments: [
            "0::/system.slice/serverd.service\n", "0::/system.slice/serverd.service/supervisor\n",
            "0::/system.slice/serverd.service/.control\n", "0::/system.slice/_serverd.service\n",
            "5:pids:/\n1:name=systemd:/system.slice/other.service\n0::/system.slice/serverd.service\n",
            "1:name=systemd:/system.slice/serverd.service\n",
        ])
    func ofTheSystem(_ cgroup: String) throws {
        let unit = try #require(UnitName(cgroup: cgroup))
        #expect(unit.name == "serverd.service")
        #expect(!unit.isUsers)
    }

    @Test("a service of a user is told from that of the user's manager")
    func ofAUser() throws {
        let slice = "0::/user.slice/user-7.slice/user@7.service"
        let unit = try #require(UnitName(cgroup: "\(slice)/app.slice/serverd.service/supervisor\n"))
        #expect(unit.name == "serverd.service")
        #expect(unit.isUsers)
        let manager = try #require(UnitName(cgroup: "\(slice)/init.scope\n"))
        #expect(manager.name == "user@7.service")
        #expect(!manager.isUsers)
    }

    @Test(
        "who is in no service has none",
        arguments: ["", "0::/\n", "0::/user.slice/session-1.scope\n", "4:pids:/a.service\n", "x"])
    func none(_ cgroup: String) {
        #expect(UnitName(cgroup: cgroup) == nil)
    }
}
