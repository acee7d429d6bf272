// SPDX-License-Identifier: Apache-2.0
// The directory of one control group: all that is done to the file system of control groups is done here.

internal import CLinux
internal import Descriptors
internal import Glibc
internal import SystemPackage

/// The directory of one control group.
struct ControlGroupFolder: Equatable, Sendable {
    /// Its path.
    let path: String

    /// The directory at `path`.
    init(_ path: String) {
        self.path = path
    }

    /// The directory `name` in it.
    func folder(_ name: String) -> ControlGroupFolder { ControlGroupFolder("\(path)/\(name)") }

    /// Whether the file `name` is in it.
    func has(_ name: String) -> Bool { access("\(path)/\(name)", F_OK) == 0 }

    /// Whether whoever manages the groups above has left this one to us: as systemd does for `Delegate=`.
    var isDelegated: Bool {
        ["user.delegate", "trusted.delegate"].contains { (name: String) in clinux_attribute_is_one(path, name) != 0 }
    }

    /// Makes it.
    /// - Throws: `EEXIST` when there is one.
    func make() throws(Errno) { try Errno.check(mkdir(path, 0o755)) }

    /// Makes it, unless there is one.
    func makeIfMissing() throws(Errno) {
        do { try make() } catch .fileExists {}
    }

    /// Writes `value` to one of its files, in one call as the kernel wants it.
    func write(_ value: String, to file: String) throws(Errno) {
        let descriptor = try open(file, O_WRONLY)
        let bytes = Array(value.utf8)
        let count = descriptor.use { Glibc.write($0, bytes, bytes.count) }
        guard count == bytes.count else { throw Errno(rawValue: count < 0 ? errno : EIO) }
    }

    /// One of its files; `nil` when it cannot be read.
    func read(_ file: String) -> String? {
        // A group goes while it is looked at: what cannot be read is not there.
        guard let descriptor = try? open(file, O_RDONLY), let bytes = try? descriptor.readToEnd() else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A descriptor of one of its files, or of itself.
    func open(_ file: String, _ flags: CInt) throws(Errno) -> Descriptor {
        Descriptor(adopting: try Errno.check(Glibc.open("\(path)/\(file)", flags | O_CLOEXEC)))
    }

    /// Whether there are processes in it, or in one below.
    var isPopulated: Bool { read("cgroup.events")?.split(separator: "\n").contains("populated 1") ?? false }

    /// Ends every process in it and below.
    func kill() { try? write("1", to: "cgroup.kill") }

    /// Removes it with those below; what has processes stays.
    /// - Returns: whether it is gone.
    func remove() -> Bool {
        if rmdir(path) == 0 || errno == ENOENT { return true }
        guard !isPopulated else { return false }
        // A program that may has made some of its own.
        for name in names { _ = folder(name).remove() }
        return rmdir(path) == 0 || errno == ENOENT
    }

    /// The names of the groups in it.
    var names: [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            guard entry.pointee.d_type == DT_DIR else { continue }
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}

extension ControlGroupLocation {
    /// Where this process is; `nil` when there is no unified hierarchy, or it is not to be seen.
    static func ofThisProcess() -> ControlGroupLocation? {
        let proc = ControlGroupFolder("/proc/self")
        return ControlGroupLocation(cgroup: proc.read("cgroup") ?? "", mountinfo: proc.read("mountinfo") ?? "")
    }
}
