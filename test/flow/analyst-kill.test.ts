import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

import { SAMPLES } from '../../examples/ledgers/generate.ts';
import { analystMigrations } from '../../src/analyst/index.ts';
import { runId } from '../../src/context/ids.ts';
import type { StoreOptions } from '../../src/startup/config.ts';
import type { EnginehouseRuntime } from '../../src/startup/runtime.ts';
import {
  analyse,
  analystHouse,
  artifactText,
  resultOf,
  upload,
  userContext,
  type Analysis,
} from '../support/analyst-house.ts';
import { Disk } from '../support/disk.ts';

const PROGRAM = fileURLToPath(new URL('../support/analyst-process.ts', import.meta.url));
const TOOLS = ['inspect_ledger', 'load_ledger', 'profile_ledger', 'price_ledger', 'estimate_savings', 'write_report'];

/** Runs the analyst in a process of its own and gives the signal that ended it. */
async function killedAt(store: StoreOptions, tool: string, moment: string): Promise<unknown> {
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(store), tool, moment], {
    stdio: 'ignore',
    timeout: 20_000,
  });
  const [, signal] = await once(child, 'exit');
  return signal;
}

/** The tools that completed in a run and its child runs, in their order. */
async function completedTools(runtime: EnginehouseRuntime, { events }: Analysis): Promise<readonly string[]> {
  const { log } = runtime.store.for(userContext('ada', 'read'));
  const children = events.flatMap((event) => (event.type === 'subagent_completed' ? [event.data.run] : []));
  const logs = await Promise.all(children.map((child) => log.read(runId(child), 0, 1_000)));
  return logs
    .flat()
    .flatMap((event) => (event.type === 'tool_completed' ? [`${event.data.tool} ${event.data.outcome}`] : []));
}

let whole: Promise<string> | undefined;

/** The report of a run that nothing happened to. */
function reportWithoutCrash(): Promise<string> {
  return (whole ??= analyseOnce());
}

async function analyseOnce(): Promise<string> {
  await using disk = await Disk.open();
  await using runtime = await analystHouse(await disk.store(analystMigrations));
  const artifact = await upload(runtime, 'ada', 'sample.csv', SAMPLES['sample.csv']);
  return await artifactText(runtime, 'ada', resultOf(await analyse(runtime, 'ada', { artifact })).report);
}

test.each([['load_ledger', 'before'], ['load_ledger', 'during'], ...TOOLS.map((tool) => [tool, 'after'])])(
  'a process killed at %s, %s its effect, leaves a run that the next start completes with the same report',
  async (tool = '', moment = '') => {
    await using disk = await Disk.open();
    const store = await disk.store(analystMigrations);
    expect(await killedAt(store, tool, moment)).toBe('SIGKILL');

    await using runtime = await analystHouse(store);
    const analysis = await analyse(runtime, 'ada', { artifact: 'ada-sample.csv' }, 'the-run');

    expect(runtime.recoveredRuns).toBe(1);
    expect(analysis.events.filter(({ type }) => type === 'agent_completed')).toHaveLength(1);
    expect(await completedTools(runtime, analysis)).toEqual(TOOLS.map((name) => `${name} ok`));
    expect(await artifactText(runtime, 'ada', resultOf(analysis).report)).toBe(await reportWithoutCrash());
  },
);
