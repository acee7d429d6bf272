// SPDX-License-Identifier: Apache-2.0
// What a piece of work leaves behind in a process of its own, counted by a census that has proved it can see.

internal import EventLoops
internal import Glibc

/// Runs `body` and takes the census of what it left behind.
///
/// For a quiet process: call it in an exit test.
///
/// It is guaranteed that the census can see: it must first have seen a pipe and a zombie that were put there for it.
package func leftBehind(by body: () async throws -> Void) async throws -> Census {
    let before = try await quietCensus()
    proveThatCensusSees()
    try await body()
    // A loop's thread gives its own descriptors back a moment after its body has returned.
    return await settledCensus { $0.added(since: before).isEmpty }.added(since: before)
}

/// Takes a census once the process is quiet: what the runtime itself opens, it has opened.
@discardableResult
package func quietCensus() async throws -> Census {
    try await onLoop { loop in await settle(loop) }
    return await settledCensus { _ in true }
}

private func settledCensus(until isGood: (Census) -> Bool) async -> Census {
    var last = Census.take()
    var same = 0
    // A bound, not a wait: what is still there after so many looks has been left behind.
    for _ in 0..<5_000 {
        sched_yield()
        await Task.yield()
        let now = Census.take()
        same = now == last ? same + 1 : 0
        last = now
        if same >= 100, isGood(now) { break }
    }
    return last
}

private func proveThatCensusSees() {
    let before = Census.take()
    let ends = makePipe()
    var pid: pid_t = 0
    let program = "/bin/true"
    let result = program.withCString { path -> CInt in
        var arguments: [UnsafeMutablePointer<CChar>?] = [UnsafeMutablePointer(mutating: path), nil]
        return posix_spawn(&pid, path, nil, nil, &arguments, nil)
    }
    precondition(result == 0, "posix_spawn \(program): \(String(cString: strerror(result)))")
    var information = siginfo_t()
    waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT)
    let found = Census.take().added(since: before)
    for end in [ends.reading, ends.writing] {
        let isSeen = found.descriptors.contains { $0.hasPrefix("\(end.number) pipe:") }
        precondition(isSeen, "the census does not see a pipe: \(found)")
    }
    precondition(found.children == [Int(pid)], "the census does not see a zombie: \(found)")
    ends.reading.close()
    ends.writing.close()
    waitpid(pid, nil, 0)
    let rest = Census.take().added(since: before)
    precondition(rest.children.isEmpty && !rest.descriptors.contains { $0.contains(" pipe:") }, "still seen: \(rest)")
}
