import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { isRecord } from '../../base/is-record.ts';

/** What a later keeper must know to take over a server; kept in the server's folder, for its owner only. */
export interface ServerState {
  readonly port: number;
  /** Of `postgres` over TCP. */
  readonly password: string;
  /** The folder of the data. */
  readonly data: string;
}

export async function writeState(folder: string, state: ServerState): Promise<void> {
  await writeFile(fileIn(folder), JSON.stringify(state), { mode: 0o600 });
}

/** The state in a folder; `undefined` when there is none, or half of one. */
export async function readState(folder: string): Promise<ServerState | undefined> {
  const text = await readFile(fileIn(folder), 'utf8').catch(() => '');
  try {
    const state: unknown = JSON.parse(text);
    if (!isRecord(state)) return undefined;
    const { port, password, data } = state;
    if (typeof port !== 'number' || typeof password !== 'string' || typeof data !== 'string') return undefined;
    return { port, password, data };
  } catch {
    return undefined;
  }
}

/** The process that runs on a data folder, as PostgreSQL wrote it down; it may long be another's number. */
export async function readPid(data: string): Promise<number | undefined> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number.parseInt(text, 10);
  return Number.isInteger(pid) && pid > 1 ? pid : undefined;
}

function fileIn(folder: string): string {
  return join(folder, 'server.json');
}
