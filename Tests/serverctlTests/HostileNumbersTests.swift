// SPDX-License-Identifier: Apache-2.0
// Numbers that no honest daemon tells: whatever they are, the tool prints something and goes on.

import ManagerInterface
import Policy
import Testing

@testable import serverctl

@Suite("absurd numbers of a daemon") struct HostileNumbersTests {
    private static let points: [Int64] = [.min, -1, 0, .max]
    private static let counts: [Int] = [.min, -1, 0, 1, .max]
    private let style = Style(colour: false)

    @Test("points of time", arguments: points)
    func times(_ point: Int64) {
        var service = Samples.web
        (service.listeningTimestamp, service.lastErrorTimestamp, service.retryTimestamp) = (point, point, point)
        service.lastError = "x"
        var connection = Samples.fetch
        connection.startTimestamp = point
        for now in Self.points {
            #expect(!StatusTable(services: [service], now: now, style: style, legend: true).text.isEmpty)
            #expect(!StatusDetail(service: service, now: now, style: style).text.isEmpty)
            #expect(!ConnectionTable(connections: [connection], now: now, style: style, legend: true).text.isEmpty)
            #expect(!TimeText.left(until: point, now: now).isEmpty)
            #expect(!TimeText.point(point).isEmpty)
        }
    }

    @Test("counts of a closing", arguments: counts)
    func closings(_ count: Int) {
        for other in Self.counts {
            let progress = ClosingProgress(
                step: .waiting, open: other, ended: count, stopped: count, killed: count, kept: count,
                nextStep: .stopping, nextStepTimestamp: Int64(other), deadlineTimestamp: Int64(count))
            let frame = ProgressFrame(title: "x", progress: progress, now: Int64(other), width: 80)
            #expect(frame.lines.allSatisfy { $0.count <= 80 })
            #expect(!ClosingSummary.counts(progress).isEmpty)
        }
    }

    @Test("counts of samples, one after the other", arguments: counts, counts)
    func samples(_ first: Int, _ second: Int) {
        var activity = TopActivity()
        for (index, count) in [first, second].enumerated() {
            let connection = TopSamples.connection(
                1, age: 0, cpu: Int64(count), bytesIn: Int64(count), bytesOut: Int64(count))
            activity.take(
                TopSample(
                    daemon: Samples.daemon, services: [TopSamples.service("git", accepted: count)],
                    connections: [connection], timestamp: Int64(count), uptime: Int64(index) * 1_000_000))
            #expect(activity.connections.allSatisfy { $0.bytes != nil })
        }
    }

    @Test("the column of a mistake", arguments: counts)
    func columns(_ column: Int) {
        var mistake = PlacedMistake(file: "a.toml", message: "wrong")
        (mistake.line, mistake.column, mistake.text) = (1, column, "exec = 1")
        #expect(mistake.rendered.contains("wrong"))
    }
}
