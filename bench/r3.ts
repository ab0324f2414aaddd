/** R3: what a step costs late in a long run, beside what it costs early. SQLite on disk, `synchronous=FULL`. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { defineAgent } from '../src/agent/define-agent.ts';
import { UserExecutionContext } from '../src/context/user-execution-context.ts';
import { startup } from '../src/startup/startup.ts';
import { flushMs, quantile, report } from './report.ts';

const STEPS = 1_050;
const RUNS = 10;
const times: number[][] = Array.from({ length: STEPS }, () => []);

const walker = defineAgent({
  name: 'walker',
  run: async ({ step }) => {
    for (let index = 0; index < STEPS; index += 1) {
      const startedAt = performance.now();
      await step('walk', () => index);
      times[index]?.push(performance.now() - startedAt);
    }
    return null;
  },
});

const folder = mkdtempSync(join(tmpdir(), 'enginehouse-r3-'));
const runtime = await startup(
  { agents: [walker], store: { path: folder }, server: { listen: false }, log: 'silent' },
  { env: {} },
);
for (let run = 0; run < RUNS; run += 1) {
  const context = UserExecutionContext.fromRequest({ userId: 'ada', threadId: 'r3', runId: `r3-${run}` });
  await runtime.factory.userExecutionScope(context, async (engine) => engine.executeAgent('walker', null).result);
}
await runtime.close();
rmSync(folder, { recursive: true });

// The first run warms up; a window of 50 steps around each place evens the disk out.
const around = (from: number): number =>
  quantile(
    times.slice(from, from + 50).flatMap((each) => each.slice(1)),
    0.5,
  );
const [early, late] = [around(10), around(1_000)];
report(
  'R3',
  [
    { name: 'a step at 10 to 60, p50', value: early, unit: 'ms' },
    {
      name: 'a step at 1,000 to 1,050, p50',
      value: late,
      unit: 'ms',
      peer: 'Vercel Workflow 7.3 ms + 0.074 ms × n = 81 ms (published)',
    },
    { name: 'late / early', value: late / early, unit: '×', target: 1.1 },
  ],
  [`disk flush ${flushMs().toFixed(2)} ms p50`],
);
