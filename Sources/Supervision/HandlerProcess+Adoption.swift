// SPDX-License-Identifier: Apache-2.0
// A handler process that an earlier daemon has started: found again by its pid, and by when it was started.

internal import CLinux
internal import Descriptors
internal import EventLoops
internal import Glibc
internal import Policy
package import SystemPackage

extension HandlerProcess {
    /// The process that another image of this daemon, or a daemon before this one, has started and written down.
    ///
    /// It is guaranteed that it is the same one: its number was its own at `latest`, so whoever has the number now and
    /// was started no later is no other. It is the leader of a session, as every handler. Of a process that is our child
    /// the end is known, also when it has come already; of another one it is unknown.
    ///
    /// Only on the loop.
    /// - Parameters:
    ///   - earliest: a time since the machine was booted before which it was not started.
    ///   - latest: a time since the machine was booted at which it was running.
    ///   - age: how long ago it was started, as far as is known.
    /// - Returns: nil when it is gone.
    /// - Throws: the error of what there was not enough of to find out, or why it may not be looked at.
    package static func adopt(
        _ pid: Int32, startedFrom earliest: Duration, to latest: Duration, age: Duration, by spawner: Spawner
    ) throws(Errno) -> HandlerProcess? {
        let loop = spawner.loop
        loop.preconditionOnLoop()
        guard let pidfd = try spawner.lookup.process(pid) else { return nil }
        // Only now: what has the number while we hold this descriptor, and fits, is what the descriptor refers to.
        guard let stat = try spawner.lookup.stat(of: pid, pidfd), stat.session == pid,
            ProcessStart.ticks(at: earliest) <= stat.start.ticks, stat.start.ticks <= ProcessStart.ticks(at: latest)
        else { return nil }
        let process = HandlerProcess(
            pid: pid, pidfd: pidfd.release(), loop: loop, groups: spawner.groups, ownGroup: nil,
            beginWatching: .watchForReading,
            age: age, isAdopted: true)
        process.settle(nil, isGone: true)
        return process
    }
}

extension HandlerProcess {
    /// Says that the process was started in this control group, which is its connection's own.
    ///
    /// Right after it was adopted. Only on the loop.
    package func wasStarted(in group: ConnectionGroup) {
        loop.preconditionOnLoop()
        ownGroup = group
    }

    /// The program that the process executes, if it may be seen; of a file that is gone the kernel says so in the name.
    package var executable: String? {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/\(pid)/exe", &buffer, buffer.count)
        guard count > 0, buffer[0] == UInt8(ascii: "/") else { return nil }
        return String(validating: buffer[..<count], as: UTF8.self)
    }
}

extension ProcessStart {
    /// The kernel's tick at a time since the machine was booted.
    static func ticks(at time: Duration) -> UInt64 {
        UInt64(max(0, time.wholeNanoseconds / (1_000_000_000 / ProcessStat.ticksPerSecond)))
    }
}
