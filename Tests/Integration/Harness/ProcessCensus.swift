// SPDX-License-Identifier: Apache-2.0
// Counts the open descriptors and the children of another process, zombies included.

import Foundation

/// What a process holds that it must give back.
struct ProcessCensus: Equatable, Sendable {
    /// What each open descriptor refers to, by kind (`socket`, `anon_inode:[pidfd]`, a path) and with its count.
    let descriptors: [String: Int]
    /// Its children, zombies included.
    let children: Set<pid_t>

    /// The number of open descriptors.
    var descriptorCount: Int { descriptors.values.reduce(0, +) }

    /// Whether it holds nothing that `earlier` did not: the same children, and no descriptor more, nor more of a kind.
    ///
    /// Sockets may have taken the place of /dev/null: the daemon keeps the numbers of two low descriptors busy, with
    /// the one until its first spawn and with the other afterwards.
    func isNoMore(than earlier: ProcessCensus) -> Bool {
        children == earlier.children && descriptorCount <= earlier.descriptorCount
            && descriptors.allSatisfy { $0.key == "socket" || $0.value <= earlier.descriptors[$0.key, default: 0] }
    }

    /// Takes the census of `pid`.
    static func take(of pid: pid_t) -> ProcessCensus {
        let files = FileManager.default
        // A process that has just ended has nothing.
        let numbers = (try? files.contentsOfDirectory(atPath: "/proc/\(pid)/fd")) ?? []
        var descriptors: [String: Int] = [:]
        for number in numbers {
            guard let target = try? files.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/\(number)") else {
                continue
            }
            let isSocket = target.hasPrefix("socket:")
            descriptors[isSocket ? "socket" : target, default: 0] += 1
        }
        var children = Set<pid_t>()
        for thread in (try? files.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? [] {
            children.formUnion(
                readText("/proc/\(pid)/task/\(thread)/children").split(separator: " ").compactMap { pid_t($0) })
        }
        return ProcessCensus(descriptors: descriptors, children: children)
    }
}
