// SPDX-License-Identifier: Apache-2.0
// The verb `serverctl suspend`.

internal import ArgumentParser
internal import ManagerInterface

/// Has a service stop accepting until it is resumed.
struct Suspend: ServiceVerb {
    static let configuration = CommandConfiguration(
        commandName: "suspend", abstract: "Has a service stop accepting until it is resumed.",
        discussion: """
            Its addresses stay taken: peers wait in the kernel's queue. Its connections go on.

            Exit status: 0 done; 1 failed; 2 wrong usage; 4 no such service, not permitted, or no daemon.
            """)

    @OptionGroup var options: ServiceOptions

    @ParentCommand var parent: Serverctl

    /// Has the daemon do it, and tells what the service is doing then.
    func perform(_ context: Context) throws(Failure) -> Outcome {
        try change(by: Manager.SuspendService.self, to: "suspend", context)
        return .done
    }
}
