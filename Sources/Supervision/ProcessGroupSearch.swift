// SPDX-License-Identifier: Apache-2.0
// Finds the living processes of groups whose leader is gone, and signals them one by one, each by its pidfd.

internal import CLinux
internal import Descriptors
internal import EventLoops
internal import Glibc
internal import Synchronization
internal import SystemPackage

/// Looks for the processes of groups whose leader has been reaped.
///
/// The number of such a group may be given to another process as soon as the last member is gone, so the group as a whole
/// cannot be signalled. A member can: it is opened first, and then looked at.
///
/// One look through /proc serves all who ask before it begins; it lets the loop turn now and then. It lives on the loop.
actor ProcessGroupSearch {
    /// How many processes are read before the loop turns: well under a millisecond's worth.
    private static let processesPerTurn = 32

    /// What a look has found of one group.
    enum Result: Sendable {
        /// None is left, but for zombies that others have to reap.
        case nobody
        /// A living process.
        case member(GroupMember)
        /// A process that could not be opened, for there are no descriptors left.
        case unreachable
    }

    private struct Request {
        let signal: CInt?
        let continuation: UnsafeContinuation<Result, Never>
    }

    nonisolated private let loop: EventLoop
    private var requests: [Int32: [Request]] = [:]
    private var isLooking = false

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// A search that has not begun.
    init(on loop: EventLoop) {
        self.loop = loop
    }

    /// Looks for a living process of `group`, whose leader is gone; all of them are sent `signal`, if there is one.
    ///
    /// The task's cancellation does not end the search.
    func member(of group: Int32, sending signal: CInt? = nil) async -> Result {
        await withUnsafeContinuation { continuation in
            requests[group, default: []].append(Request(signal: signal, continuation: continuation))
            guard !isLooking else { return }
            isLooking = true
            // Whoever has asked waits for its answer.
            _ = Task(executorPreference: loop) { await self.look() }
        }
    }

    private func look() async {
        while !requests.isEmpty {
            let asked = requests
            requests = [:]
            var found: [Int32: Result] = [:]
            for (index, pid) in Self.processes().enumerated() {
                if index % Self.processesPerTurn == Self.processesPerTurn - 1 { await loop.yieldTurn() }
                guard let stat = ProcessStat.read(pid), let requests = asked[stat.group] else { continue }
                do throws(Errno) {
                    guard let member = try GroupMember(pid, of: stat.group) else { continue }
                    for case let signal? in requests.map(\.signal) { member.signal(signal) }
                    if case .member(let former) = found[stat.group] { former.letGo() }
                    found[stat.group] = .member(member)
                } catch {
                    if found[stat.group] == nil { found[stat.group] = .unreachable }
                }
            }
            for (group, requests) in asked {
                for request in requests { request.continuation.resume(returning: found[group] ?? .nobody) }
            }
        }
        isLooking = false
    }

    private static func processes() -> [Int32] {
        guard let directory = opendir("/proc") else { return [] }
        defer { closedir(directory) }
        var pids: [Int32] = []
        while let entry = readdir(directory) {
            // 0 for a name that is no number.
            let pid = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { atoi($0) }
            }
            if pid > 0 { pids.append(pid) }
        }
        return pids
    }
}

/// A process of a group whose leader is gone, held by its pidfd: while it lives, the group's number is nobody else's.
final class GroupMember: Sendable {
    private let pidfd: Mutex<Descriptor?>
    private let watch = Mutex<DescriptorWatch?>(nil)

    /// Takes hold of a process; nil when it is not, or not any more, a living one of this group and its session.
    /// - Throws: the error of what there was not enough of.
    init?(_ pid: Int32, of group: Int32) throws(Errno) {
        let number = clinux_pidfd_open(pid)
        guard number >= 0 else {
            // Gone in this moment.
            if errno == ESRCH { return nil }
            throw Errno(rawValue: errno)
        }
        pidfd = Mutex(Descriptor(adopting: number))
        // After it was opened: what is read now is of this process, or it has ended.
        guard let stat = ProcessStat.read(pid), stat.group == group, stat.session == group, !stat.isZombie else {
            return nil
        }
    }

    /// Sends it a signal.
    func signal(_ signal: CInt) {
        pidfd.withLock { $0?.use { _ = clinux_pidfd_signal($0, signal) } }
    }

    /// Calls `action` on the loop when it has ended.
    ///
    /// Only on the loop, and then ``letGo()`` before it is dropped.
    /// - Returns: false when that cannot be waited for.
    func whenEnded(on loop: EventLoop, _ action: @escaping @Sendable () -> Void) -> Bool {
        guard let number = pidfd.withLock({ $0?.use { $0 } }) else { return false }
        let watch = DescriptorWatch(number, on: loop) { _ in action() }
        guard (try? watch.watch(for: .read)) != nil else { return false }
        self.watch.withLock { $0 = watch }
        return true
    }

    /// Lets go of it.
    func letGo() {
        watch.withLock { $0.take() }?.cancel()
        pidfd.withLock { $0.take() }?.close()
    }
}
