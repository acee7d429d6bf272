// SPDX-License-Identifier: Apache-2.0
// What of all services goes to the next image of the daemon, and what comes from the one before.

internal import Descriptors
internal import EventLoops
internal import Logging
internal import ManagerInterface
internal import Policy
internal import ServiceConfig
internal import SocketServer
internal import Supervision
internal import SystemPackage
internal import Systemd

extension ServiceManager {
    /// Has the services go on where another image of this daemon was, or, after a crash or a restart, as operators had set
    /// them.
    func takeOver(_ predecessor: SuccessionState?) {
        for state in predecessor?.services ?? [] {
            service(of: state.operators)?.assumeIsolated { $0.succeed(state) }
        }
        for settings in keptSettings?.services ?? [] {
            service(of: settings)?.assumeIsolated { $0.restore(settings) }
        }
    }

    /// The service that settings are of, if there is one of this name.
    func service(of settings: OperatorSettings.OfService) -> Service? {
        ServiceName(settings.name).flatMap { services[$0] }
    }

    // MARK: For who comes after us

    /// What the next image has to know, but for what is not the services'.
    func succession(images: Int) -> SuccessionState {
        var state = SuccessionState(
            daemonVersion: Version.text, images: images, startTimestamp: startTimestamp,
            lastConnection: context.numbering.last, arguments: CommandLine.arguments)
        state.services = services.values.map { $0.assumeIsolated { $0.succession } }
        state.configuration = KeptConfiguration(configuration)
        state.descriptors = passedDescriptors
        return state
    }

    /// The descriptors with which the next image goes on.
    var passedDescriptors: [SuccessionState.PassedDescriptor] {
        var passed = services.values.flatMap { $0.assumeIsolated { $0.passDescriptors() } }
        if let ledger = context.ledger { passed.append(.init(name: KeptName.ledger, number: ledger.descriptor)) }
        return passed
    }

    /// The connections that would end with this image.
    var connectionsOfOurs: [Connection] { allServices.flatMap { $0.assumeIsolated { $0.connectionsOfOurs } } }

    /// Has no service accept anybody.
    func hold(by holds: Holds) { holds.hold(allServices.flatMap { $0.assumeIsolated { $0.servers } }) }

    /// What is being closed, in words; the next image would know nothing of it.
    var closingUnderWay: String? {
        if let departing = departing.first {
            return "service \"\(departing.service.name)\", which was removed, still has connections"
        }
        guard let closing = services.values.first(where: { !$0.assumeIsolated { $0.closings }.isEmpty }) else {
            return nil
        }
        return "service \"\(closing.name)\" or some of its connections are being closed"
    }

    // MARK: From who was before us

    /// Goes on with the connections that programs have got from an earlier daemon, and which the ledger knows.
    ///
    /// A service that is not in the configuration any more departs, as if a reload had removed it.
    func adoptSurvivors() throws(StartFailure) {
        guard let ledger = context.ledger else { return }
        var orphans: [ServiceName: Service] = [:]
        var survivors: [ServiceName: [Survivor]] = [:]
        let (found, gone) = findSurvivors(ledger)
        for (record, process) in found {
            do {
                let service = try services[record.service] ?? orphan(record.service, process, &orphans)
                let program =
                    try survivors[record.service]?.first?.program
                    ?? service.assumeIsolated { try $0.programOfSurvivors(process) }
                survivors[record.service, default: []].append(
                    Survivor(record: record, process: process, program: program))
            } catch {
                throw StartFailure("cannot go on with the connections of service \"\(record.service)\"", error)
            }
        }
        for (name, survivors) in survivors {
            (services[name] ?? orphans[name])?.assumeIsolated { $0.adopt(survivors) }
        }
        for service in orphans.values { depart(service) }
        guard !survivors.isEmpty || gone > 0 else { return }
        context.logger.notice(
            "goes on with the connections of the serverd before",
            metadata: [
                "connections": .stringConvertible(survivors.values.reduce(0) { $0 + $1.count }),
                "ended_meanwhile": .stringConvertible(gone),
            ])
    }

    /// The programs of the ledger that still run, and how many do not any more, whose records are erased.
    ///
    /// Where nobody can tell, the record stays: whoever serves after us looks again.
    private func findSurvivors(
        _ ledger: ConnectionLedger
    ) -> (found: [(ConnectionRecord, HandlerProcess)], gone: Int) {
        var found: [(ConnectionRecord, HandlerProcess)] = []
        var unknown: [(record: ConnectionRecord, error: Errno)] = []
        var gone = 0
        let now = BootClock.now
        for record in ledger.records {
            do throws(Errno) {
                let process = try HandlerProcess.adopt(
                    record.pid, startedFrom: record.acceptedAt, to: record.writtenAt, age: now - record.acceptedAt,
                    by: context.spawner)
                if let process {
                    found.append((record, process))
                } else {
                    ledger.erase(record.id)
                    gone += 1
                }
            } catch { unknown.append((record, error)) }
        }
        if let first = unknown.first {
            context.logger.error(
                "cannot tell whether programs of the serverd before still run; they are not counted, and the next serverd looks again",
                metadata: [
                    "connections": .stringConvertible(unknown.count),
                    "connection": .stringConvertible(first.record.id),
                    "pid": .stringConvertible(first.record.pid), "error": .string(first.error.textWithRemedy),
                ])
        }
        return (found, gone)
    }

    private func orphan(
        _ name: ServiceName, _ process: HandlerProcess, _ orphans: inout [ServiceName: Service]
    ) throws -> Service {
        if let service = orphans[name] { return service }
        let service = try Service(.former(name, of: process), context)
        orphans[name] = service
        return service
    }

    /// Closes what an earlier daemon has left and no service wants; socket files that it made go too.
    func closeUnclaimed(_ inherited: InheritedSockets) {
        for unclaimed in inherited.closeUnclaimed() {
            guard unclaimed.name.hasPrefix(KeptName.prefix) else {
                context.logger.warning(
                    "closed an inherited descriptor that no service claims; a service claims it by listening on fd:NAME",
                    metadata: [
                        "name": .string(unclaimed.name), "descriptor": .stringConvertible(unclaimed.number),
                        "kind": .string(unclaimed.kind.description),
                    ])
                continue
            }
            context.store?.forget(unclaimed.name)
            if let file = KeptName.file(ofListener: unclaimed.name) { file.unlink() }
            context.logger.info(
                "closed what the serverd before had and no service needs any more",
                metadata: ["name": .string(unclaimed.name)])
        }
    }
}
