// SPDX-License-Identifier: Apache-2.0
// What is left of a handler's process group when its leader has been reaped: it can be ended, and waited for.

internal import EventLoops
internal import Glibc

/// What is left of a handler's process group when its leader has been reaped.
///
/// | state | held | leaves it |
/// | --- | --- | --- |
/// | looking | nothing, or a member that has ended | when /proc was looked through |
/// | waiting | a living member | when that member ends, or a signal is to be sent: it looks again |
/// | ended | nothing | never |
///
/// It lives on the loop, and keeps itself alive until it has ended.
actor LingeringGroup {
    /// How long it waits before it looks again when there is no room to wait for a member's end.
    private static let lookInterval: Duration = .milliseconds(250)

    private let number: Int32
    nonisolated private let loop: EventLoop
    private let search: ProcessGroupSearch
    private var member: GroupMember?
    /// Signals that were not sent yet.
    private var signals: [CInt] = []
    /// Whoever is found is killed: a member may fork while the others are.
    private var isKilled = false
    private var hasNews = false
    private var isLooking = false
    private var ended: (@Sendable () -> Void)?

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// The group that had this number for a leader; `ended` is called once when none of its processes is left.
    ///
    /// It must be told to ``look()``.
    init(_ number: Int32, on loop: EventLoop, search: ProcessGroupSearch, ended: @escaping @Sendable () -> Void) {
        self.number = number
        self.loop = loop
        self.search = search
        self.ended = ended
    }

    /// Whether processes of the group `number` live on; to be asked right after its leader was reaped.
    ///
    /// Not before: until then the zombie itself is a member. While a member lives the number cannot be another's; when
    /// none does, and the number was given out again in this moment, a process too many is called lingering. Signal 0 is
    /// never delivered.
    static func isLeft(of number: Int32) -> Bool { kill(-number, 0) == 0 || errno == EPERM }

    /// Sends each of its processes `signal`; SIGKILL also those that begin afterwards.
    func signal(_ signal: CInt) {
        guard ended != nil else { return }
        if signal == SIGKILL { isKilled = true } else { signals.append(signal) }
        hasNews = true
        look()
    }

    /// Looks who is left, and goes on until nobody is.
    func look() {
        guard !isLooking else { return }
        isLooking = true
        // Nobody waits for it: it goes on until the group is empty, which is told.
        _ = Task(executorPreference: loop) { await self.lookAround() }
    }

    private func lookAround() async {
        var found: ProcessGroupSearch.Result
        repeat {
            let signal = isKilled ? SIGKILL : signals.first
            signals = Array(signals.dropFirst())
            hasNews = !signals.isEmpty
            found = await search.member(of: number, sending: signal)
            letGo()
            if case .member(let next) = found { member = next }
        } while hasNews
        isLooking = false
        switch found {
        case .nobody: end()
        case .member(let member):
            let isWaiting = member.whenEnded(on: loop) { self.assumeIsolated { $0.lookAgain() } }
            if !isWaiting { lookLater() }
        case .unreachable: lookLater()
        }
    }

    private func lookAgain() {
        letGo()
        look()
    }

    private func lookLater() {
        loop.schedule(after: Self.lookInterval) { self.assumeIsolated { $0.look() } }
    }

    private func letGo() {
        member?.letGo()
        member = nil
    }

    private func end() {
        let ended = ended.take()
        ended?()
    }
}
