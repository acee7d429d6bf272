// SPDX-License-Identifier: Apache-2.0
// The version of serverd, for its programs and its library alike.

/// The version of serverd, of its programs and its manager interface's answers.
package enum Version {
    /// As people write it.
    package static let text = "0.1.0"
}
