// SPDX-License-Identifier: Apache-2.0
// The verb `serverctl open`.

internal import ArgumentParser
internal import ManagerInterface

/// Has a service that is closed, or has failed, listen now.
struct Open: ServiceVerb {
    static let configuration = CommandConfiguration(
        abstract: "Has a service that is closed, or has failed, listen now.",
        discussion: """
            One that listens stays as it is.

            Exit status: 0 done; 1 failed; 2 wrong usage; 4 no such service, not permitted, or no daemon.
            """)

    @OptionGroup var options: ServiceOptions

    @ParentCommand var parent: Serverctl

    /// Has the daemon do it, and tells what the service is doing then.
    func perform(_ context: Context) throws(Failure) -> Outcome {
        let service = try change(by: Manager.OpenService.self, to: "open", context)
        guard service.state == .failed else { return .done }
        throw Failure(
            status: .failed,
            message: "service \"\(service.name)\" cannot listen: \(service.failure ?? "see serverd's log")"
                + StatusText.retry(service, now: context.now()))
    }
}
