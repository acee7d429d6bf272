// SPDX-License-Identifier: Apache-2.0
// What is written into the files of a control group so that its processes have no more than they may: pure.

internal import Policy

/// One file of a control group and its content.
struct ControlFile: Equatable, Sendable {
    let name: String
    let value: String
    /// Whether a kernel may be built without it.
    var isOptional = false
}

/// A part of the kernel that limits control groups, under its name there.
enum ControlGroupController: String, CaseIterable, Sendable {
    case memory, pids, cpu
}

extension ResourceLimits {
    /// What the limits on one part are written to; empty for no limit.
    ///
    /// Memory that is used up is not swapped instead, and the kernel ends all processes of the group at once: a half of
    /// a handler serves nobody.
    func files(for controller: ControlGroupController) -> [ControlFile] {
        switch controller {
        case .memory:
            guard let memory else { return [] }
            return [
                ControlFile(name: "memory.max", value: "\(memory)"),
                ControlFile(name: "memory.swap.max", value: "0", isOptional: true),
                ControlFile(name: "memory.oom.group", value: "1"),
            ]
        case .pids: return tasks.map { [ControlFile(name: "pids.max", value: "\($0)")] } ?? []
        case .cpu:
            // Microseconds of each tenth of a second; 1 % is the least that the kernel takes.
            return cpu.map { [ControlFile(name: "cpu.max", value: "\(Int64($0) * 1000) 100000")] } ?? []
        }
    }

    /// The parts of the kernel that they need.
    var controllers: [ControlGroupController] {
        ControlGroupController.allCases.filter { !files(for: $0).isEmpty }
    }
}
