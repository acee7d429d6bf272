// SPDX-License-Identifier: Apache-2.0
// The verb `serverctl resume`.

internal import ArgumentParser
internal import ManagerInterface

/// Has a service that is suspended or throttled accept again.
struct Resume: ServiceVerb {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Has a service that is suspended or throttled accept again.",
        discussion: """
            One that is not held back stays as it is.

            Exit status: 0 done; 1 failed; 2 wrong usage; 4 no such service, not permitted, or no daemon.
            """)

    @OptionGroup var options: ServiceOptions

    @ParentCommand var parent: Serverctl

    /// Has the daemon do it, and tells what the service is doing then.
    func perform(_ context: Context) throws(Failure) -> Outcome {
        try change(by: Manager.ResumeService.self, to: "resume", context)
        return .done
    }
}
