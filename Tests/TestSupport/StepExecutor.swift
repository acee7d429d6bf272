// SPDX-License-Identifier: Apache-2.0
// An executor that runs a job only when a test says so: what has happened before a task's first suspension?

internal import Synchronization

/// Runs the jobs of tasks and actors one by one, on the thread that asks for it.
package final class StepExecutor: SerialExecutor, TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])

    /// Nothing to run.
    package init() {}

    /// Keeps a job; called by the Swift runtime.
    package func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        jobs.withLock { $0.append(unowned) }
    }

    /// Runs the oldest job up to its next suspension.
    /// - Returns: whether there was one.
    package func step() -> Bool {
        let job = jobs.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        job?.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
        return job != nil
    }
}
