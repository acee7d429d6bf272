// SPDX-License-Identifier: Apache-2.0
// Looking whether somebody has removed socket files: whenever services are shown, and while somebody is told what happens.

internal import EventLoops
internal import Sockets

extension ServiceManager {
    /// How long after a subscription, and after another look, socket files are looked at.
    static let lookInterval = Duration.seconds(10)

    /// Looks which of the services have lost a socket's file; what is not seen stays as it was.
    func lookAtSocketFiles(of services: [Service]) async {
        var files: [[SocketFile]] = []
        for service in services { files.append(await service.socketFiles) }
        let isAnyThere = files.contains { !$0.isEmpty }
        let gone =
            isAnyThere
            ? await lookAtFiles(on: context.loop) { [files] in
                files.map { files in Set(files.filter(\.file.isGone)) }
            } : files.map { _ in [] }
        guard let gone else { return }
        for (service, files) in zip(services, gone) { await service.found(gone: files) }
    }

    /// Looks at the files of all services every ``lookInterval``, from now on until nobody has subscribed to events any
    /// more.
    ///
    /// Harmless when repeated.
    func lookAtSocketFilesForSubscribers() {
        guard nextLook == nil else { return }
        nextLook = context.loop.schedule(after: Self.lookInterval) { [weak self, loop = context.loop] in
            // Nobody waits for it: it schedules the next look, if there is to be one.
            _ = Task(executorPreference: loop) { await self?.lookForSubscribers() }
        }
    }

    private func lookForSubscribers() async {
        nextLook = nil
        guard context.events.hasSubscribers else { return }
        await lookAtSocketFiles(of: allServices)
        lookAtSocketFilesForSubscribers()
    }
}
