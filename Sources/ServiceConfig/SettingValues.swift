// SPDX-License-Identifier: Apache-2.0
// Definitions back as the TOML that would define them: a value for each key that applies.

internal import Policy

extension ServiceDefinition {
    /// The value of each key that applies to the service, as TOML; nil when nothing is set.
    var values: [(key: ServiceKey, value: String?)] {
        var values: [(key: ServiceKey, value: String?)] = [
            (.description, TOMLText.string(description)), (.enabled, "\(isEnabled)"), (.listen, listenText),
        ]
        switch handler {
        case .program(let program): values += program.values
        case .builtIn(let builtIn): values.append((.builtin, TOMLText.string(builtIn.rawValue)))
        }
        values += [
            (.maxConnections, maxConnections.map { "\($0)" }), (.backlog, "\(backlog)"),
            (.onHandlerError, TOMLText.string(onHandlerError.rawValue)), (.connect, "\(allowsConnect)"),
        ]
        if listen.contains(where: \.isSocketFile) {
            values += [
                (.socketMode, TOMLText.permissions(socketFile.mode)),
                (.socketUser, socketOwner.user.map(TOMLText.account)),
                (.socketGroup, socketOwner.group.map(TOMLText.account)),
            ]
        }
        return values
    }

    private var listenText: String {
        let items = listen.map { address in
            if case .everyAddress(let port) = address.kind { "\(port)" } else { TOMLText.string(address.written) }
        }
        return items.count == 1 ? items[0] : TOMLText.list(items)
    }
}

extension ListenAddress {
    /// The address as a file can write it: unlike the description, which people read, with a Unix socket's name as it
    /// is.
    fileprivate var written: String {
        switch kind {
        case .unix(.path(let path)): path
        case .unix(.abstract(let name)): "@" + String(decoding: name, as: UTF8.self)
        default: description
        }
    }
}

extension ProgramDefinition {
    /// The values of the keys of programs.
    fileprivate var values: [(key: ServiceKey, value: String?)] {
        var ends = successExitStatus.codes.subtracting([0]).sorted().map { "\($0)" }
        ends += successExitStatus.signals.sorted().compactMap(SignalName.name).map(TOMLText.string)
        return [
            (.exec, TOMLText.list(strings: arguments)),
            (.user, account.map { TOMLText.string($0.name) }),
            (.group, account.map { TOMLText.account($0.groupName ?? "\($0.gid)") }),
            (.environment, TOMLText.table(environment)),
            (.passEnvironment, TOMLText.list(strings: passEnvironment)),
            (.workingDirectory, TOMLText.string(workingDirectory)), (.umask, TOMLText.permissions(umask)),
            (.successExitStatus, TOMLText.list(ends)), (.allowShutdown, "\(allowsShutdown)"),
            (.resources, resources.map(\.values).map { TOMLText.table(of: $0) }),
        ]
    }
}

extension ResourceLimits {
    /// The value of each limit that is set.
    fileprivate var values: [(key: String, value: String)] {
        [
            ("memory", memory.map { TOMLText.string(Self.text(ofSize: $0)) }), ("tasks", tasks.map { "\($0)" }),
            ("cpu", cpu.map { TOMLText.string("\($0)%") }),
        ].compactMap { key, value in value.map { (key, $0) } }
    }
}

extension DaemonSettings {
    /// The value of each key as TOML, and what it means beyond its text: the numbers of groups.
    var values: [(key: DaemonKey, value: String, meaning: String)] {
        let groups = { (key: DaemonKey, groups: [Group]) in
            let numbers = groups.map { "\($0.gid)" }.joined(separator: " ")
            return (key, TOMLText.list(strings: groups.map(\.name)), "gid \(numbers)")
        }
        return [
            (.drainTimeout, TOMLText.string(drainTimeout.text), ""),
            (.stopTimeout, TOMLText.string(stopTimeout.text), ""),
            groups(.adminRead, access.readers), groups(.adminOperate, access.operators),
            groups(.adminConnect, access.connectors),
        ]
    }
}
