/**
 * Shows a run's log: read from the data folder, also while a server runs on it,
 * or asked of a server. A log that was shown from its first event to the
 * terminal one is proven with its CRC.
 */

import { EnginehouseError } from '../base/errors.ts';
import { isoUtc } from '../base/utc.ts';
import { connect } from '../client/index.ts';
import type { AgentEvent } from '../context/event.ts';
import { runId, type RunId } from '../context/ids.ts';
import type { ApplicationOptions } from './application.ts';
import { eventText } from './event-text.ts';
import { logOfFolder } from './log-of-folder.ts';
import { Tally, type LogOfRun, type Reading } from './log-of-run.ts';
import { logOfServer } from './log-of-server.ts';
import { note, plain, yieldLine } from './output.ts';
import type { OwnerOptions } from './owner.ts';
import { StopSignals } from './stop-signals.ts';
import { openStoreToRead } from './store-to-read.ts';

export interface EventsOptions extends ApplicationOptions, OwnerOptions {
  readonly follow?: boolean;
  readonly after: number;
  readonly url?: string;
  readonly token?: string;
  readonly json?: boolean;
}

/** Failures in a row after which a server is given up: a person waits. */
const ATTEMPTS = 5;

/** Shows what there is or, with `--follow`, all that comes until the run has ended. */
export async function events(run: string, options: EventsOptions): Promise<number> {
  using stop = new StopSignals();
  const id = runId(run);
  const reading: Reading = { after: options.after, follow: options.follow ?? false, signal: stop.signal };
  try {
    await (options.url === undefined
      ? fromFolder(id, options, reading)
      : fromServer(id, options.url, { options, reading }));
    return 0;
  } catch (error) {
    // Whoever follows leaves with Ctrl-C.
    if (stop.exitCode !== undefined) return stop.exitCode;
    throw error;
  }
}

async function fromFolder(id: RunId, options: EventsOptions, reading: Reading): Promise<void> {
  await using store = await openStoreToRead(options);
  await show(id, logOfFolder(store, options, id), { options, reading });
}

interface Showing {
  readonly options: EventsOptions;
  readonly reading: Reading;
}

async function fromServer(id: RunId, url: string, showing: Showing): Promise<void> {
  const token = showing.options.token ?? (process.env['ENGINEHOUSE_TOKEN'] || undefined);
  await using client = connect({ url, token, attempts: ATTEMPTS });
  const close = (): void => void client.close();
  showing.reading.signal.addEventListener('abort', close, { once: true });
  await show(id, logOfServer(client, id), showing);
}

async function show(id: RunId, log: LogOfRun, { options: { json = false }, reading }: Showing): Promise<void> {
  const tally = new Tally();
  for await (const event of log.read(reading)) {
    tally.add(event);
    yieldLine(json ? JSON.stringify(event) : lineOf(event));
  }
  const { evidence } = tally;
  if (evidence === undefined) return;
  const { n, crc } = await log.claim();
  if (evidence.n !== n || evidence.crc !== crc) throw notTheLog(id);
  if (!json) note(`${n} events, CRC ${crc} verified`);
}

function lineOf(event: AgentEvent): string {
  const words = eventText(event) ?? (event.type === 'message_delta' ? plain(event.data.delta) : '');
  return `${String(event.seq).padStart(5)}  ${isoUtc(event.at).slice(11, 23)}  ${event.type.padEnd(19)}  ${words}`.trimEnd();
}

function notTheLog(id: RunId): EnginehouseError {
  const cure = 'Copy the data folder before anything else, and report this with the run id.';
  return new EnginehouseError(
    'STREAM_RESET',
    `what was read of run ${id} is not what its log says it holds`,
    { runId: id, why: 'crc' },
    { cure },
  );
}
