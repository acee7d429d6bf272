// SPDX-License-Identifier: Apache-2.0
// The Swift side of an interface's declarations of methods and errors: types that tell their names and fields.

/// A method that an interface declares, as a type that is never made.
package protocol VarlinkMethod: SendableMetatype {
    /// What is asked.
    associatedtype Parameters: VarlinkObject
    /// What is replied.
    associatedtype Result: VarlinkObject
    /// The name of the interface.
    static var interface: String { get }
    /// The method's name inside the interface.
    static var name: String { get }
}

extension VarlinkMethod {
    /// The method's name as it stands in a call.
    package static var fullName: String { "\(interface).\(name)" }
}

/// An error that an interface declares, with its fields.
package protocol DeclaredError: VarlinkObject {
    /// The error's name with that of its interface.
    static var fullName: String { get }
}

extension VarlinkError {
    /// The error as it is sent.
    package init<Declared: DeclaredError>(_ declared: Declared) {
        self.init(Declared.fullName, JSONValue.fields(of: declared))
    }

    /// The error with its fields, if it is of this kind; fields that the type does not know are ignored.
    ///
    /// It is `nil` too if it has the kind's name and other fields.
    package func `as`<Declared: DeclaredError>(_ kind: Declared.Type) -> Declared? {
        guard name == Declared.fullName else { return nil }
        // An error that cannot be read is another one.
        return try? JSONText.decode(Declared.self, from: JSONText.encode(parameters))
    }
}
