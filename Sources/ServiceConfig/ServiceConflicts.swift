// SPDX-License-Identifier: Apache-2.0
// Finds what no two services, and no service twice, can have: a name, an address, an inherited descriptor.

internal import Policy

/// The check of services against each other.
enum ServiceConflicts {
    /// One address of one service, by its place among all.
    private struct Claim {
        let service: Int
        let address: Located<ListenAddress>
        let number: Int
    }

    /// What an address has in common with others.
    private enum Group: Hashable {
        case same(ListenAddress)
        case port(UInt16)
        case family(UInt16, isV6: Bool)
        case wildcard(UInt16, isV6: Bool)
        case everyAddress(UInt16)
    }

    /// Who wants what, so that a rival is found without looking at all.
    private struct Claims {
        /// The first claim of each group.
        private var first: [Group: Claim] = [:]

        /// The first claim that excludes this address.
        func rival(of address: ListenAddress) -> Claim? {
            ServiceConflicts.rivals(of: address).compactMap { first[$0] }.min { $0.number < $1.number }
        }

        mutating func add(_ claim: Claim) {
            for group in ServiceConflicts.groups(of: claim.address.value) where first[group] == nil {
                first[group] = claim
            }
        }
    }

    /// An error for each address that cannot be listened on because of another one before it, and for each name that is
    /// taken; of very many the first.
    ///
    /// A service that is not enabled listens nowhere, and stands in nobody's way.
    static func find(among services: [ParsedService]) -> [ConfigError] {
        var errors: [ConfigError] = []
        var names: [ServiceName: Int] = [:]
        var claims = Claims()
        var number = 0
        for (place, service) in services.enumerated() {
            if let other = names.updateValue(place, forKey: service.name) {
                let file = services[other].source.path
                errors.append(service.source.error(at: .start, "service `\(service.name)` is defined in \(file) too"))
            }
            // A disabled service is still checked against itself.
            var own = Claims()
            let isAlone = service.listen.count == 1
            var added: [Claim] = []
            for address in service.listen {
                let claim = Claim(service: place, address: address, number: number)
                number += 1
                let rival = service.isEnabled ? claims.rival(of: address.value) : nil
                if let rival = rival ?? own.rival(of: address.value) {
                    errors.append(error(claim, rival: rival, among: services))
                    guard errors.count <= ConfigErrors.limit else { return errors }
                }
                if !isAlone { own.add(claim) }
                added.append(claim)
            }
            if service.isEnabled { for claim in added { claims.add(claim) } }
        }
        return errors
    }

    /// The groups that an address belongs to.
    private static func groups(of address: ListenAddress) -> [Group] {
        switch address.kind {
        case .inet(let inet):
            guard inet.port != 0 else { return [] }
            let (port, isV6) = (inet.port, inet.ip.isV6)
            return [.same(address), .port(port), .family(port, isV6: isV6)]
                + (isWildcard(inet.ip) ? [.wildcard(port, isV6: isV6)] : [])
        case .everyAddress(let port): return port == 0 ? [] : [.port(port), .everyAddress(port)]
        case .unix, .inherited: return [.same(address)]
        }
    }

    /// The groups whose members are all in the way of an address.
    private static func rivals(of address: ListenAddress) -> [Group] {
        switch address.kind {
        case .inet(let inet):
            guard inet.port != 0 else { return [] }
            let (port, isV6) = (inet.port, inet.ip.isV6)
            let sameFamily: [Group] =
                isWildcard(inet.ip) ? [.family(port, isV6: isV6)] : [.same(address), .wildcard(port, isV6: isV6)]
            return sameFamily + [.everyAddress(port)]
        case .everyAddress(let port): return port == 0 ? [] : [.port(port)]
        case .unix, .inherited: return [.same(address)]
        }
    }

    /// What two addresses must share to be in each other's way.
    enum Key: Hashable {
        case port(UInt16)
        case address(ListenAddress)
    }

    /// The key of an address; nil for one that is in nobody's way.
    ///
    /// It keeps the search short among a thousand services.
    static func key(of address: ListenAddress) -> Key? {
        switch address.kind {
        case .inet(let inet): inet.port == 0 ? nil : .port(inet.port)
        case .everyAddress(let port): port == 0 ? nil : .port(port)
        case .unix, .inherited: .address(address)
        }
    }

    /// Whether two addresses with one ``key(of:)`` cannot both be listened on.
    static func excludes(_ a: ListenAddress, _ b: ListenAddress) -> Bool {
        switch (a.kind, b.kind) {
        case (.inet(let a), .inet(let b)):
            a == b || a.ip.isV6 == b.ip.isV6 && (isWildcard(a.ip) || isWildcard(b.ip))
        case (.unix(let a), .unix(let b)): a == b
        default: true
        }
    }

    private static func isWildcard(_ ip: IPAddress) -> Bool { ip == .anyV4 || ip == .anyV6 }

    private static func error(_ claim: Claim, rival: Claim, among services: [ParsedService]) -> ConfigError {
        let address = claim.address
        let other = services[rival.service]
        let isSame = address.value == rival.address.value
        let service = "service `\(other.name)` (\(other.source.path):\(rival.address.position.line))"
        let conflict =
            isSame
            ? "belongs to \(service) already" : "overlaps with \(quoted(rival.address.value.description)) of \(service)"
        return services[claim.service].source.error(
            at: address.position, "\(quoted(address.value.description)) \(conflict)",
            expected: "an address that is listened on once")
    }
}
