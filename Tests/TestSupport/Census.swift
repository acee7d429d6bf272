// SPDX-License-Identifier: Apache-2.0
// Counts this process's open descriptors and children, to prove that a suite leaves none behind.

internal import Glibc

/// What a process holds that it must give back.
package struct Census: Equatable, Sendable, CustomStringConvertible {
    /// Each open descriptor with what it refers to: `12 socket:[4711]`.
    package let descriptors: Set<String>
    /// The pids of the children, zombies included.
    package let children: Set<Int>

    /// Takes the census of this process.
    package static func take() -> Census {
        let own = "/proc/self/fd"
        let descriptors = entries(of: own).compactMap { number -> String? in
            var buffer = [CChar](repeating: 0, count: 4096)
            let length = readlink("\(own)/\(number)", &buffer, buffer.count - 1)
            // The descriptor with which the folder itself was read is gone by now.
            guard length > 0 else { return nil }
            return "\(number) \(String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self))"
        }
        var children = Set<Int>()
        for thread in entries(of: "/proc/self/task") {
            guard let file = fopen("/proc/self/task/\(thread)/children", "re") else { continue }
            defer { fclose(file) }
            var buffer = [CChar](repeating: 0, count: 65536)
            let length = fread(&buffer, 1, buffer.count, file)
            let text = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            children.formUnion(text.split(separator: " ").compactMap { Int($0) })
        }
        return Census(descriptors: Set(descriptors), children: children)
    }

    /// What is there now and was not in `earlier`.
    package func added(since earlier: Census) -> Census {
        Census(
            descriptors: descriptors.subtracting(earlier.descriptors), children: children.subtracting(earlier.children))
    }

    /// Whether there is nothing in it.
    package var isEmpty: Bool { descriptors.isEmpty && children.isEmpty }

    /// For a test's failure.
    package var description: String { "descriptors \(descriptors.sorted()), children \(children.sorted())" }

    private static func entries(of folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
