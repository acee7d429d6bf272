// SPDX-License-Identifier: Apache-2.0
// The interface that every Varlink service has, `org.varlink.service`.

/// What a service says about itself.
package struct ServiceIdentity: Hashable, Sendable {
    /// Who makes it.
    package var vendor: String
    /// What it is.
    package var product: String
    /// Which version of it.
    package var version: String
    /// Where more is to be found.
    package var url: String

    /// An identity from its parts.
    package init(vendor: String, product: String, version: String, url: String) {
        self.vendor = vendor
        self.product = product
        self.version = version
        self.url = url
    }
}

/// `org.varlink.service` for a service that serves `interfaces` beside it.
func serviceInterface<Caller>(
    identity: ServiceIdentity, describing interfaces: [Interface<Caller>]
) -> Interface<Caller> {
    let name = serviceInterfaceName
    let names = [name] + interfaces.map(\.name)
    let descriptions = Dictionary(
        uniqueKeysWithValues: zip(names, [serviceInterfaceDescription] + interfaces.map(\.description)))
    let getInfo = Method<Caller>(GetInfo.self) { (_, _) async throws(VarlinkError) -> ServiceInfo in
        ServiceInfo(
            vendor: identity.vendor, product: identity.product, version: identity.version, url: identity.url,
            interfaces: names)
    }
    let getInterfaceDescription = Method<Caller>(GetInterfaceDescription.self) {
        (query, _) async throws(VarlinkError) -> InterfaceDescription in
        guard let description = descriptions[query.interface] else { throw .interfaceNotFound(query.interface) }
        return InterfaceDescription(description: description)
    }
    return Interface(
        name: name, description: serviceInterfaceDescription, methods: [getInfo, getInterfaceDescription])
}

/// Asks a service who it is.
package enum GetInfo: VarlinkMethod {
    /// The name of the interface.
    package static let interface = serviceInterfaceName
    /// The method's name inside the interface.
    package static let name = "GetInfo"
    /// Nothing is asked.
    package typealias Parameters = NoFields
    /// What is replied.
    package typealias Result = ServiceInfo
}

/// Asks a service for the description of an interface.
package enum GetInterfaceDescription: VarlinkMethod {
    /// The name of the interface.
    package static let interface = serviceInterfaceName
    /// The method's name inside the interface.
    package static let name = "GetInterfaceDescription"
    /// What is asked.
    package typealias Parameters = DescriptionQuery
    /// What is replied.
    package typealias Result = InterfaceDescription
}

/// The reply to `GetInfo`.
package struct ServiceInfo: VarlinkObject, Hashable {
    /// Who makes the service.
    package let vendor: String
    /// What it is.
    package let product: String
    /// Which version of it.
    package let version: String
    /// Where more is to be found.
    package let url: String
    /// The names of the interfaces that it serves.
    package let interfaces: [String]

    /// The fields' names.
    package enum CodingKeys: String, CodingKey, CaseIterable {
        case vendor, product, version, url, interfaces
    }
}

/// The parameters of `GetInterfaceDescription`.
package struct DescriptionQuery: VarlinkObject, Hashable {
    /// The interface to describe.
    package let interface: String

    /// The fields' names.
    package enum CodingKeys: String, CodingKey, CaseIterable {
        case interface
    }

    /// A question for the description of `interface`.
    package init(interface: String) {
        self.interface = interface
    }
}

/// The reply to `GetInterfaceDescription`.
package struct InterfaceDescription: VarlinkObject, Hashable {
    /// The description in Varlink's language.
    package let description: String

    /// The fields' names.
    package enum CodingKeys: String, CodingKey, CaseIterable {
        case description
    }
}

let serviceInterfaceName = "org.varlink.service"

private let serviceInterfaceDescription = """
    # The Varlink Service Interface is provided by every varlink service. It
    # describes the service and the interfaces it implements.
    interface org.varlink.service

    # Get a list of all the interfaces a service provides and information
    # about the implementation.
    method GetInfo() -> (
      vendor: string,
      product: string,
      version: string,
      url: string,
      interfaces: []string
    )

    # Get the description of an interface that is implemented by this service.
    method GetInterfaceDescription(interface: string) -> (description: string)

    # The requested interface was not found.
    error InterfaceNotFound (interface: string)

    # The requested method was not found
    error MethodNotFound (method: string)

    # The interface defines the requested method, but the service does not
    # implement it.
    error MethodNotImplemented (method: string)

    # One of the passed parameters is invalid.
    error InvalidParameter (parameter: string)

    # Client is denied access
    error PermissionDenied ()

    # Method is expected to be called with 'more' set to true, but wasn't
    error ExpectedMore ()

    # Method is expected to be called with 'upgrade' set to true, but wasn't
    error ExpectedUpgrade ()

    """
