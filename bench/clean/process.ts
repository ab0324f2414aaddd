/** A process of the bench false-alarms: carries out a part of the clean tests, several at once, and tells what was said of them. */

import { inspect } from 'node:util';

import { closeSharedRuntimes } from '../../src/testing/kit-owned.ts';
import { TestHome } from '../../src/testing/test-home.ts';
import type { TestRuntimeOptions } from '../../src/testing/test-options.ts';
import { config } from './agents.ts';
import { cleanTests } from './tests.ts';

/** What the process tells: a test that is done and what was said of it, or what was said beside tests. */
export interface Told {
  /** Where the test ran. */
  readonly place?: string | undefined;
  readonly alarm?: string | undefined;
}

const LANES = 4;
/** Of so many tests one has a runtime of its own. */
const OWN_EVERY = 20;
/** Of so many tests one is on PostgreSQL; fewer where a database is made for it. */
const POSTGRES_EVERY = { shared: 51, own: 400 };

const options: Record<'sqlite' | 'postgres', TestRuntimeOptions> = {
  sqlite: { config, store: 'sqlite' },
  postgres: { config, store: 'postgres' },
};
const tests = Object.entries(cleanTests);
const [first = 0, last = 0] = process.argv.slice(2).map(Number);

process.on('unhandledRejection', (error) => tell({ alarm: `unhandled: ${inspect(error)}` }));
let next = first;
await Promise.all(Array.from({ length: LANES }, lane));
await closeSharedRuntimes().catch((error: unknown) => tell({ alarm: `at the end: ${inspect(error)}` }));
process.disconnect();

async function lane(): Promise<void> {
  while (next < last) {
    const nth = next;
    next += 1;
    await one(nth);
  }
}

async function one(nth: number): Promise<void> {
  const runtime = nth % OWN_EVERY === 0 ? 'own' : 'shared';
  const store = nth % POSTGRES_EVERY[runtime] === 0 ? 'postgres' : 'sqlite';
  const [name, body] = tests[nth % tests.length] ?? [];
  if (name === undefined || body === undefined) throw new Error('there are no tests');
  const place = `${runtime}, ${store}`;
  const alarm = await alarmOf(async () => {
    await using home = new TestHome(options[store], `${name} (${nth})`);
    await body(home, await home[runtime]());
  });
  tell({ place, alarm: alarm && `${nth}, ${place}: ${name}\n${alarm}` });
}

async function alarmOf(test: () => Promise<void>): Promise<string | undefined> {
  try {
    await test();
    return undefined;
  } catch (error) {
    return inspect(error, { depth: 6 });
  }
}

function tell(told: Told): void {
  process.send?.(told);
}
