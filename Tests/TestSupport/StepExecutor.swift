// SPDX-License-Identifier: Apache-2.0
// An executor that runs a job only when a test says so: what has happened before a task's first suspension?

internal import Synchronization

/// Runs jobs on the thread that asks for it, and nowhere else.
package final class StepExecutor: SerialExecutor, TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])
    private let isForActor: Bool

    /// Nothing to run.
    ///
    /// It serves either one actor, or tasks that prefer it.
    package init(forActor isForActor: Bool = false) {
        self.isForActor = isForActor
    }

    /// Keeps a job; called by the Swift runtime.
    package func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        jobs.withLock { $0.append(unowned) }
    }

    /// Runs jobs until there are none left, each up to its next suspension.
    /// - Returns: whether there was one.
    @discardableResult
    package func run() -> Bool {
        var hasRun = false
        while let job = jobs.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
            hasRun = true
            if isForActor {
                job.runSynchronously(on: asUnownedSerialExecutor())
            } else {
                job.runSynchronously(on: asUnownedTaskExecutor())
            }
        }
        return hasRun
    }
}
