import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

import { Disk, startOn } from '../support/disk.ts';
import { checkRunLog } from '../support/invariants.ts';
import { killedAgent, killedContext } from '../support/killed-process.ts';

const PROGRAM = fileURLToPath(new URL('../support/killed-process.ts', import.meta.url));

const ALL = ['step', 'idempotent', 'once'];

test.concurrent.each([
  ['step', 'after', ['step', ...ALL], ALL],
  ['idempotent', 'after', ['step', 'idempotent', 'idempotent', 'once'], ALL],
  ['once', 'before', ['step', 'idempotent'], ['step', 'idempotent', 'unknown']],
  ['once', 'after', ALL, ['step', 'idempotent', 'unknown']],
])(
  'a process that is killed at its %s effect, %s it, leaves a run that the next start ends',
  async (name, moment, effects, result) => {
    await using disk = await Disk.open();
    const store = await disk.store();
    const file = join(disk.folder(), 'effects.txt');
    const child = spawn(process.execPath, [PROGRAM, JSON.stringify(store), file, name, moment], {
      stdio: 'ignore',
      timeout: 20_000,
    });
    expect((await once(child, 'exit'))[1]).toBe('SIGKILL');

    await using runtime = await startOn(store, [killedAgent(file)]);
    const { runId } = killedContext;
    const events = (await Array.fromAsync(runtime.bridge.follow(killedContext, runId, 0))).flat();

    expect(runtime.recoveredRuns).toBe(1);
    checkRunLog(events);
    expect(events.at(-1)).toMatchObject({ type: 'agent_completed', data: { result } });
    expect((await readFile(file, 'utf8')).trimEnd().split('\n')).toEqual(effects);
  },
);
