// SPDX-License-Identifier: Apache-2.0
// Networks: what is one, and what lies in it at the edges.

internal import Policy
internal import Testing

@Suite("Network")
struct NetworkTests {
    @Test(
        "what is no network is refused",
        arguments: [
            "", "/", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/+8", "192.0.2.1/24", "2001:db8::/129",
            "2001:db8::1/64",
            "fe80::1%1/64", "192.0.2.0/8/8", "example.org/8", "192.0.2/24",
        ])
    func invalid(text: String) { #expect(Network(text) == nil) }

    @Test(
        "an address at the edge lies in it, its neighbour outside does not",
        arguments: [
            ("192.0.2.0/24", "192.0.2.0", true), ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("192.0.2.0/24", "192.0.1.255", false), ("192.0.2.7", "192.0.2.7", true), ("192.0.2.7", "192.0.2.6", false),
            ("0.0.0.0/0", "255.255.255.255", true), ("0.0.0.0/0", "::1", false), ("::/0", "127.0.0.1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::", false),
            ("2001:db8:0:0:8000::/65", "2001:db8::8000:0:0:1", true),
            ("2001:db8:0:0:8000::/65", "2001:db8::7fff:0:0:1", false),
            ("2001:db8::/64", "2001:db8::ffff:ffff:ffff:ffff", true), ("2001:db8::/64", "2001:db8:0:1::", false),
            ("::1", "::1", true), ("::1", "::2", false), ("192.0.2.0/24", "::ffff:192.0.2.9", true),
            ("::ffff:192.0.2.0/24", "192.0.2.9", true),
        ])
    func contains(network: String, address: String, isInside: Bool) throws {
        #expect(try #require(Network(network)).contains(try #require(IPAddress(address))) == isInside)
    }
}
