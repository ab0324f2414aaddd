import { printed } from './audit/printable.ts';
import type { Seed } from './seed.ts';
import type { TestAudit } from './test-audit.ts';
import type { TestOutcome } from './test-options.ts';
import { timelineText } from './timeline/timeline-text.ts';

/** Runs of a failed test that are shown, the last ones, and lines of each. */
const RUNS_SHOWN = 3;
const LINES_SHOWN = 40;

interface FailedTest {
  readonly outcome: TestOutcome;
  readonly audits: ReadonlyMap<unknown, TestAudit>;
  readonly seed: Seed | undefined;
}

/** Says on standard error what the runs of a failed test did, and how to have the same again. */
export async function tellFailure({ outcome, audits, seed }: FailedTest): Promise<void> {
  const told: string[] = seed === undefined ? [] : [`replay it with ${seed.text}`];
  for (const audit of audits.values()) {
    const runs = await audit.runs();
    if (runs.length > RUNS_SHOWN) told.push(`the last ${RUNS_SHOWN} of ${runs.length} runs:`);
    for (const { runId, events } of runs.slice(-RUNS_SHOWN)) {
      const lines = timelineText(events).split('\n');
      const more = lines.length - LINES_SHOWN;
      told.push(
        [`run ${runId}`, ...lines.slice(0, LINES_SHOWN), ...(more > 0 ? [`… ${more} more`] : [])].join('\n    '),
      );
    }
  }
  if (told.length > 0) console.error(`enginehouse: "${outcome.failedTest}" failed\n  ${told.join('\n  ')}`);
}

/** Says on standard error what was wrong at the end of a test, where the runner would not say it. */
export function tellEnd(test: string, error: unknown): void {
  console.error(`enginehouse: the end of "${test}" was not in order\n  ${printed(error).message}`);
}
