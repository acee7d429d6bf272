// SPDX-License-Identifier: Apache-2.0
// The two ends of a service's standard error on their way from one daemon to the next.

package import Descriptors

/// Both ends of a ``StandardErrorChannel``, owned.
package struct StandardErrorEnds: ~Copyable, Sendable {
    let reading: Descriptor
    let writing: Descriptor

    /// Takes ownership of both.
    package init(reading: consuming Descriptor, writing: consuming Descriptor) {
        self.reading = reading
        self.writing = writing
    }
}
