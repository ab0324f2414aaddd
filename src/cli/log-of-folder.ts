import { sleep, systemClock } from '../base/clock.ts';
import { EnginehouseError } from '../base/errors.ts';
import type { AgentEvent } from '../context/event.ts';
import type { RunId } from '../context/ids.ts';
import { isFinal } from '../context/run-status.ts';
import { crcText } from '../context/wire.ts';
import type { LogHead, Store } from '../event/store.ts';
import type { LogOfRun, Reading } from './log-of-run.ts';
import { ownerOf, type OwnerOptions } from './owner.ts';

const EVENTS_AT_ONCE = 500;

/** Another process writes the folder, and nothing tells us when; so it is looked at. */
const LOOK_EVERY_MS = 200;

/** A run's log as the data folder has it. @throws `NOT_FOUND` for a run that this user does not have */
export function logOfFolder(store: Store, owner: OwnerOptions, runId: RunId): LogOfRun {
  const { log } = store.for(ownerOf(owner));
  const head = async (): Promise<LogHead> => {
    const found = await log.head(runId);
    if (found !== undefined) return found;
    throw new EnginehouseError('NOT_FOUND', `run ${runId} does not exist`, { what: 'run', id: runId });
  };
  async function* read({ after, follow, signal }: Reading): AsyncGenerator<AgentEvent> {
    for (let cursor = after; ;) {
      // Before the events, so that a run which ends meanwhile is not taken for read to its end.
      const { status } = await head();
      const events = await log.read(runId, cursor, EVENTS_AT_ONCE);
      yield* events;
      cursor = events.at(-1)?.seq ?? cursor;
      if (events.length === EVENTS_AT_ONCE) continue;
      if (!follow || isFinal(status)) return;
      await sleep(systemClock, LOOK_EVERY_MS, signal);
    }
  }
  return {
    read,
    claim: async () => {
      const { head: n, crc } = await head();
      return { n, crc: crcText(crc) };
    },
  };
}
