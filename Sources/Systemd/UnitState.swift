// SPDX-License-Identifier: Apache-2.0
// What the service manager is doing with our unit: asked by sd-bus(3), since a signal does not tell stop from restart.

internal import CSystemd
internal import Descriptors
internal import Glibc
package import SystemPackage

/// What the service manager has been told to do with a unit, and has not finished (org.freedesktop.systemd1(5)).
package enum UnitJob: Equatable, Sendable {
    /// It is being stopped, by an administrator or because the machine is.
    case stop
    /// It is being stopped and will be started again at once.
    case restart
    /// Something else, by the manager's name for it.
    case other(String)

    fileprivate init(type: String) {
        self =
            switch type {
            case "stop": .stop
            case "restart", "try-restart": .restart
            default: .other(type)
            }
    }
}

/// What the service manager is doing with a unit, and what becomes of its processes.
package struct UnitState: Equatable, Sendable {
    /// What it has been told to do; `nil` for nothing, as after a crash.
    package let job: UnitJob?
    /// Whether a stop leaves all but the main process alone, and stored descriptors outlive it: `KillMode=process` and
    /// `FileDescriptorStoreMax=` (systemd.kill(5), systemd.service(5)).
    package let keepsProcesses: Bool

    /// The state of the unit that this process belongs to.
    ///
    /// It blocks until the manager answers: call it where that holds up nothing.
    /// - Throws: the errno of what failed; `ENODATA` when this process belongs to no unit.
    package static func ofThisProcess() throws(Errno) -> UnitState {
        let bus = try UnitBus.open()
        return try bus.state()
    }
}

/// A connection to the manager of the unit that this process belongs to.
private struct UnitBus: ~Copyable {
    private static let systemSocket = "unix:path=/run/systemd/private"
    private static let service = "org.freedesktop.systemd1"
    private static let answerMicroseconds: UInt64 = 2_000_000

    // Types of D-Bus.
    private static let structure = CChar(UInt8(ascii: "r"))
    private static let number = CChar(UInt8(ascii: "u"))
    private static let objectPath = CChar(UInt8(ascii: "o"))

    private let bus: OpaquePointer
    private let unit: String
    /// Whom messages are for; nobody, where there is only the manager at the other end.
    private let destination: String?

    private init(_ bus: OpaquePointer, of unit: String, destination: String?) {
        self.bus = bus
        self.unit = unit
        self.destination = destination
        sd_bus_set_method_call_timeout(bus, Self.answerMicroseconds)
    }

    static func open() throws(Errno) -> UnitBus {
        let groups = try Descriptor(adopting: Errno.check(Glibc.open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC)))
            .readToEnd()
        guard let unit = UnitName(cgroup: String(decoding: groups, as: UTF8.self)) else { throw .noData }
        // A manager's own socket is there without a message bus, and the system's for root alone.
        if let socket = unit.isUsers ? usersSocket : geteuid() == 0 ? systemSocket : nil {
            return UnitBus(try openManager(at: socket), of: unit.name, destination: nil)
        }
        let bus = try opened { unit.isUsers ? sd_bus_open_user($0) : sd_bus_open_system($0) }
        return UnitBus(bus, of: unit.name, destination: service)
    }

    /// The address of the socket of this user's manager, which is where that has told its units.
    private static var usersSocket: String? {
        guard let folder = getenv("XDG_RUNTIME_DIR") else { return nil }
        return "unix:path=\(String(cString: folder))/systemd/private"
    }

    deinit { sd_bus_close_unref(bus) }

    private static func openManager(at address: String) throws(Errno) -> OpaquePointer {
        let bus = try opened { sd_bus_new($0) }
        do throws(Errno) {
            try Errno.check(libsystemd: sd_bus_set_address(bus, address))
            try Errno.check(libsystemd: sd_bus_start(bus))
            return bus
        } catch {
            sd_bus_close_unref(bus)
            throw error
        }
    }

    private static func opened(
        _ call: (UnsafeMutablePointer<OpaquePointer?>) -> CInt
    ) throws(Errno) -> OpaquePointer {
        var bus: OpaquePointer?
        try Errno.check(libsystemd: call(&bus))
        guard let bus else { throw .noSuchFileOrDirectory }
        return bus
    }

    func state() throws(Errno) -> UnitState {
        let path = try Self.text { sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, $0) }
        let job = try jobPath(of: path).map { job throws(Errno) in
            UnitJob(type: try string(job, Self.service + ".Job", "JobType"))
        }
        let interface = Self.service + ".Service"
        var kept: UInt32 = 0
        try Errno.check(
            libsystemd: sd_bus_get_property_trivial(
                bus, destination, path, interface, "FileDescriptorStoreMax", nil, Self.number, &kept))
        let killMode = try string(path, interface, "KillMode")
        return UnitState(job: job, keepsProcesses: killMode == "process" && kept > 0)
    }

    private func string(_ path: String, _ interface: String, _ property: String) throws(Errno) -> String {
        try Self.text { sd_bus_get_property_string(bus, destination, path, interface, property, nil, $0) }
    }

    /// The object of the unit's job.
    private func jobPath(of unit: String) throws(Errno) -> String? {
        var reply: OpaquePointer?
        try Errno.check(
            libsystemd: sd_bus_get_property(
                bus, destination, unit, Self.service + ".Unit", "Job", nil, &reply, "(uo)"))
        defer { sd_bus_message_unref(reply) }
        var number: UInt32 = 0
        var path: UnsafePointer<CChar>?
        try Errno.check(libsystemd: sd_bus_message_enter_container(reply, Self.structure, "uo"))
        try Errno.check(libsystemd: sd_bus_message_read_basic(reply, Self.number, &number))
        try Errno.check(libsystemd: sd_bus_message_read_basic(reply, Self.objectPath, &path))
        guard number != 0, let path else { return nil }
        return String(cString: path)
    }

    /// What a call of libsystemd allocates for its caller.
    private static func text(
        _ call: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt
    ) throws(Errno) -> String {
        var text: UnsafeMutablePointer<CChar>?
        try Errno.check(libsystemd: call(&text))
        defer { free(text) }
        return text.map { String(cString: $0) } ?? ""
    }
}
