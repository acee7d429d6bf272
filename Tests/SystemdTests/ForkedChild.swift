// SPDX-License-Identifier: Apache-2.0
// A process with one thread, in which descriptors may be put where a service manager puts them.

import Descriptors
import Glibc

/// What `body` says in a copy of this process.
///
/// Call it in an exit test: nobody else may be running. Descriptors 3 and following belong to the concurrency runtime's
/// threads; a copy of the process has none of these, so that there the numbers are free to be replaced.
func inForkedChild(_ body: () throws -> String) throws -> String {
    var ends: [CInt] = [-1, -1]
    precondition(pipe(&ends) == 0, "pipe: \(errno)")
    let reader = Descriptor(adopting: ends[0])
    // Out of the way of the inherited ones.
    let writer = try Descriptor(adopting: ends[1]).duplicate(atLeast: 100)
    // Swift does not offer fork(2), because a copy with one thread can do little. This is little.
    guard let symbol = dlsym(nil, "fork") else { preconditionFailure("no fork") }
    let fork = unsafeBitCast(symbol, to: (@convention(c) () -> pid_t).self)
    let child = fork()
    precondition(child >= 0, "fork: \(errno)")
    if child == 0 {
        let text: String
        do { text = try body() } catch { text = "\(error)" }
        writer.use { _ = write($0, text, text.utf8.count) }
        _exit(0)
    }
    writer.close()
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = reader.use { read($0, &bytes, bytes.count) }
    waitpid(child, nil, 0)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
}
