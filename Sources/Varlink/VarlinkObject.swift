// SPDX-License-Identifier: Apache-2.0
// The Swift side of an IDL object: a Codable type that can tell its field names.

/// A type that stands for an object of an interface description: a type, a method's parameters or its reply.
///
/// Its coding keys are its fields' names in the description. They can be listed, so that an unknown parameter is
/// refused, and so that a test can compare them with the description.
package protocol VarlinkObject: Codable, Sendable {
    /// The fields' names.
    associatedtype CodingKeys: CodingKey, CaseIterable
}

extension VarlinkObject {
    /// The names of all fields.
    package static var fieldNames: [String] { CodingKeys.allCases.map(\.stringValue) }
}

/// The parameters or the reply of a method that has none.
package struct NoFields: VarlinkObject, Hashable {
    /// No names.
    package enum CodingKeys: CodingKey, CaseIterable {}

    /// Nothing.
    package init() {}
}
