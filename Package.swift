// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
// The modules of serverd and which of them may import which: docs/architecture.md draws the same graph.

import PackageDescription

let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]
let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

func module(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}
func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}
func tests(
    _ name: String, _ dependencies: [Target.Dependency], path: String? = nil, exclude: [String] = []
) -> Target {
    .testTarget(name: name, dependencies: dependencies, path: path, exclude: exclude, swiftSettings: strict)
}

let package = Package(
    name: "serverd",
    products: [
        .library(name: "SocketServer", targets: ["SocketServer"]),
        .executable(name: "serverd", targets: ["serverd"]),
        .executable(name: "serverctl", targets: ["serverctl"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    ],
    targets: [
        // Foreign code.
        .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
        .target(
            name: "CLinux",
            cSettings: [.define("_GNU_SOURCE"), .enableWarning("all"), .treatAllWarnings(as: .error)]),
        .target(name: "CTOML", cxxSettings: [.enableWarning("all"), .treatAllWarnings(as: .error)]),

        // Values.
        module("Policy"),
        module("Varlink"),
        module("ManagerInterface", ["Varlink"], resources: [.embedInCode("io.serverd.Manager.varlink")]),
        module("ServiceConfig", ["Policy", "CTOML"]),

        // The operating system.
        module("Descriptors", ["CLinux", system]),
        module("EventLoops", ["Descriptors", "CLinux", "CSystemd", system]),
        module("Sockets", ["EventLoops", "Descriptors", "Policy", "CLinux", system]),
        module("SocketServer", ["Sockets", "EventLoops", "Descriptors", "Policy", system]),
        module("Supervision", ["EventLoops", "Descriptors", "Policy", "CLinux", system]),
        module("Systemd", ["Descriptors", "Policy", "CSystemd", system]),

        // Composition.
        module(
            "Daemon",
            [
                "SocketServer", "Sockets", "EventLoops", "Descriptors", "Policy", "Supervision", "Systemd",
                "ServiceConfig", "ManagerInterface", "Varlink", "CLinux", system, logging,
            ]),
        program("serverd", ["Daemon", "ServiceConfig", arguments]),
        program("serverctl", ["ManagerInterface", "Varlink", "Descriptors", "Policy", system, arguments]),

        // Tests: a target for each module that others do not test with theirs.
        .target(
            name: "TestSupport",
            dependencies: ["EventLoops", "Descriptors", "Policy", "Sockets", "SocketServer", "CLinux", system],
            path: "Tests/TestSupport", swiftSettings: strict),
        tests("PolicyTests", ["Policy"]),
        tests("DescriptorsTests", ["Descriptors", system]),
        tests("VarlinkTests", ["Varlink", "ManagerInterface"], exclude: ["Corpus"]),
        .executableTarget(
            name: "VarlinkPeer", dependencies: ["Varlink", "ManagerInterface", "SocketServer"],
            path: "Tests/VarlinkInterop/Peer", resources: [.embedInCode("org.varlink.certification.varlink")],
            swiftSettings: strict),
        tests("serverctlTests", ["serverctl", "ManagerInterface", "Varlink", "Descriptors", arguments]),
        tests("ServiceConfigTests", ["ServiceConfig", "Policy"], exclude: ["Golden", "Corpus"]),
        tests("EventLoopsTests", ["EventLoops", "Descriptors", "TestSupport"]),
        tests(
            "SocketServerTests",
            ["SocketServer", "Sockets", "EventLoops", "Descriptors", "Policy", "TestSupport", "CLinux", system]),
        tests(
            "SupervisionTests",
            ["Supervision", "EventLoops", "Descriptors", "Policy", "TestSupport", "CLinux", system]),
        tests("SystemdTests", ["Systemd", "Descriptors", system]),
        tests(
            "DaemonTests",
            [
                "Daemon", "SocketServer", "Sockets", "EventLoops", "Policy", "Supervision", "ServiceConfig",
                "ManagerInterface", "Descriptors", "Systemd", "TestSupport", logging, system,
            ]),
        tests("IntegrationTests", ["TestSupport"], path: "Tests/Integration", exclude: ["packages.txt"]),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
