import { systemClock } from '../base/clock.ts';
import { isoUtc } from '../base/utc.ts';
import { crcText } from '../context/wire.ts';
import type { RunRecord, RunTable } from '../event/store.ts';
import type { ApplicationOptions } from './application.ts';
import { note, table, yieldLine } from './output.ts';
import { ownerOf, type OwnerOptions } from './owner.ts';
import { openStoreToRead } from './store-to-read.ts';

export interface RunsOptions extends ApplicationOptions, OwnerOptions {
  readonly limit: number;
  readonly all?: boolean;
  readonly json?: boolean;
}

const PAGE = 200;

/** Lists a user's runs, newest first. */
export async function runs(options: RunsOptions): Promise<number> {
  const owner = ownerOf(options);
  await using store = await openStoreToRead(options);
  const found = await newest(store.for(owner).runs, options);
  if (options.json === true) {
    for (const run of found) yieldLine(JSON.stringify(runJson(run)));
  } else if (found.length === 0) {
    note(`${owner.userId} has no runs in ${store.description}`);
  } else {
    for (const line of table([['RUN', 'AGENT', 'STATUS', 'ACCEPTED', 'TOOK', 'EVENTS'], ...found.map(row)]))
      yieldLine(line);
  }
  return 0;
}

/** Child runs belong to the run that started them, so they are left out unless asked for. */
async function newest(all: RunTable, { limit, all: children = false }: RunsOptions): Promise<readonly RunRecord[]> {
  const found: RunRecord[] = [];
  for (let before: RunRecord | undefined; ;) {
    const page = await all.list({ limit: PAGE, before });
    found.push(...page.filter(({ origin }) => children || origin !== 'agent'));
    before = page.at(-1);
    if (before === undefined || page.length < PAGE || found.length >= limit) return found.slice(0, limit);
  }
}

function row({ runId, agent, status, acceptedAt, endedAt, head }: RunRecord): readonly string[] {
  const took = `${(((endedAt ?? systemClock.now()) - acceptedAt) / 1_000).toFixed(1)} s`;
  return [runId, agent, status, isoUtc(acceptedAt).replace(/\.\d+Z$/, 'Z'), took, String(head)];
}

function runJson({ context: _context, inputDigest: _digest, ...run }: RunRecord): object {
  return { ...run, crc: crcText(run.crc) };
}
