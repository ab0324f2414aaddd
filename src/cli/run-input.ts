/** What `run` gives to its agent: JSON, or for the analyst a ledger that is uploaded first. */

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { buffer } from 'node:stream/consumers';

import type { AgentDefinition } from '../agent/define-agent.ts';
import { analystAgents } from '../analyst/index.ts';
import { systemClock } from '../base/clock.ts';
import { EnginehouseError } from '../base/errors.ts';
import { systemIds } from '../base/ids.ts';
import { isRecord } from '../base/is-record.ts';
import type { Limits } from '../context/limits.ts';
import type { ArtifactStore } from '../event/store.ts';
import { plain } from './output.ts';

export interface InputOptions {
  /** A file; `-` is standard input. */
  readonly input?: string;
  readonly inputJson?: string;
}

interface InputDeps {
  readonly artifacts: ArtifactStore;
  readonly limits: Pick<Limits, 'artifactBytes' | 'resultBytes'>;
  readonly signal: AbortSignal;
}

const STDIN = '-';
const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.csv': 'text/csv',
  '.jsonl': 'application/x-ndjson',
  '.ndjson': 'application/x-ndjson',
};

/** @throws `INPUT_INVALID` naming the option, `TOO_LARGE` */
export async function readInput(
  agent: AgentDefinition | undefined,
  options: InputOptions,
  deps: InputDeps,
): Promise<unknown> {
  const { input: file, inputJson } = options;
  const said = inputJson === undefined ? undefined : parse('--input-json', inputJson);
  if (file === undefined) return said ?? null;
  if (file !== STDIN) await requireFile(file);
  if (takesLedger(agent)) return withLedger(await uploadLedger(file, deps), said);
  if (said !== undefined) throw invalid('--input and --input-json', 'give one of them');
  return parse(`--input ${file}`, await readText(file, deps));
}

function takesLedger(agent: AgentDefinition | undefined): boolean {
  return agent?.name === 'analyst' && analystAgents.includes(agent);
}

function withLedger(artifact: string, said: unknown): unknown {
  if (said === undefined) return { artifact };
  if (isRecord(said)) return { artifact, ...said };
  throw invalid('--input-json', 'beside a ledger it must be an object');
}

async function uploadLedger(file: string, { artifacts, limits, signal }: InputDeps): Promise<string> {
  const title = file === STDIN ? 'standard input' : plain(basename(file)).slice(0, 256);
  const mediaType = MEDIA_TYPES[extname(file).toLowerCase()] ?? 'application/octet-stream';
  const artifact = {
    artifactId: systemIds.next(),
    runId: undefined,
    kind: 'file',
    title,
    mediaType,
    createdAt: systemClock.now(),
  };
  return (await artifacts.put(artifact, read(file, signal), limits.artifactBytes)).artifactId;
}

async function readText(file: string, { limits, signal }: InputDeps): Promise<string> {
  const limitBytes = limits.resultBytes;
  const content = await buffer(atMost(limitBytes, file, read(file, signal)));
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    throw invalid(`--input ${file}`, 'it is not UTF-8');
  }
}

function read(file: string, signal: AbortSignal): AsyncIterable<Buffer> {
  return file === STDIN ? process.stdin : createReadStream(file, { signal });
}

async function* atMost(limitBytes: number, file: string, content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const piece of content) {
    bytes += piece.length;
    if (bytes > limitBytes) {
      throw new EnginehouseError('TOO_LARGE', `${file} is larger than ${limitBytes} bytes`, { what: file, limitBytes });
    }
    yield piece;
  }
}

async function requireFile(file: string): Promise<void> {
  try {
    if ((await stat(file)).isDirectory()) throw invalid(`--input ${file}`, 'it is a folder');
  } catch (error) {
    if (error instanceof EnginehouseError) throw error;
    throw invalid(`--input ${file}`, error instanceof Error ? error.message : String(error));
  }
}

function parse(what: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(what, `it is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function invalid(what: string, issue: string): EnginehouseError {
  return new EnginehouseError('INPUT_INVALID', `${what} cannot be used: ${issue}`, { what, issues: [issue] });
}
