import { canonicalJson, type Json } from '../../../src/base/canonical-json.ts';
import { crc32 } from '../../../src/base/crc32.ts';
import { canonicalEvent } from '../../../src/context/canonical-event.ts';
import type { AgentEvent, EventType } from '../../../src/context/event.ts';
import { DEFAULT_TENANT, runId, tenantId, threadId, userId, type Owner } from '../../../src/context/ids.ts';
import type {
  ArtifactStore,
  CommandRecord,
  NewArtifact,
  NewCommand,
  NewEvent,
  NewRun,
  OwnedStore,
  RunRecord,
  Store,
} from '../../../src/event/store.ts';

/** Opens a fresh store; `reopen`, where there is something to come back to, closes it and opens it again. */
export type OpenStore = () => Promise<OpenedStore>;

export interface OpenedStore {
  readonly store: Store;
  readonly reopen?: () => Promise<Store>;
}

/** What a store that was closed and opened again shows; where nothing outlives a close, the same store. */
export async function again({ store, reopen }: OpenedStore): Promise<Store> {
  return reopen === undefined ? store : await reopen();
}

export const ada: Owner = { tenantId: DEFAULT_TENANT, userId: userId('ada') };
export const bob: Owner = { tenantId: DEFAULT_TENANT, userId: userId('bob') };
export const adaElsewhere: Owner = { tenantId: tenantId('elsewhere'), userId: userId('ada') };

export const AT = 1_700_000_000_000;

export function event(type: EventType, data: Json = {}, at = AT): NewEvent {
  return { type, at, data: canonicalJson(data) };
}

export function delta(text: string, at = AT): NewEvent {
  return event('message_delta', { delta: text, message: 'm1' }, at);
}

export const completed = event('agent_completed', { result: 'done' }, AT + 90);

type RunOptions = Partial<Omit<NewRun, 'runId' | 'accepted'>> & { readonly at?: number };

export function newRun(id: string, { at = AT, ...options }: RunOptions = {}): NewRun {
  return {
    runId: runId(id),
    threadId: threadId('t1'),
    agent: 'echo',
    version: '1',
    origin: 'request',
    parentRunId: undefined,
    inputDigest: 'digest-1',
    context: '{"roles":["user"]}',
    holder: 'node-1',
    accepted: event('run_accepted', { agent: 'echo', input: 'hi', version: '1' }, at),
    ...options,
  };
}

export async function accept(owned: OwnedStore, id: string, options: RunOptions = {}): Promise<RunRecord> {
  const { run } = await owned.runs.accept(newRun(id, options));
  return run;
}

/** A run with `texts` after its first event, and a terminal event when it is `ended`. */
export async function runWith(
  owned: OwnedStore,
  id: string,
  texts: readonly string[],
  ended = false,
): Promise<RunRecord> {
  const { runId: key } = await accept(owned, id);
  const events = [...texts.map((text) => delta(text)), ...(ended ? [completed] : [])];
  await owned.log.append(key, { generation: 1, after: 1, events });
  const run = await owned.runs.get(key);
  if (run === undefined) throw new Error(`run ${id} was accepted and is not there`);
  return run;
}

export function newCommand(id: string, run: string, at = AT): NewCommand {
  return { commandId: id, runId: runId(run), op: 'run.cancel', args: '{"reason":"enough"}', at };
}

export function unapplied(command: NewCommand): CommandRecord {
  return { ...command, appliedSeq: undefined };
}

export function newArtifact(id: string, run?: string): NewArtifact {
  return {
    artifactId: id,
    runId: run === undefined ? undefined : runId(run),
    kind: 'file',
    title: 'notes.txt',
    mediaType: 'text/plain',
    createdAt: AT,
  };
}

/** The CRC of a whole log, computed as a client does. */
export function crcOf(events: readonly AgentEvent[]): number {
  return events.reduce((crc, one) => crc32(canonicalEvent(one), crc), 0);
}

export async function contentOf(artifacts: ArtifactStore, id: string, start?: number, end?: number): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(artifacts.read(id, start, end)));
}

/** Everything of a log, whatever its length. */
export const ALL = 1_000_000;
