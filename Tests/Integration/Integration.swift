// SPDX-License-Identifier: Apache-2.0
// The suite that holds all others here: one after the other, since they measure times and fill the machine.

import Testing

/// The built daemon with programs and clients that nobody here wrote.
@Suite("Integration", .serialized) enum Integration {}
