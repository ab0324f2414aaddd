/** The typed client of an Enginehouse server, for Node and browsers. Nothing here needs a bundler. */

import { EnginehouseClient } from './enginehouse-client.ts';
import type { ClientOptions } from './options.ts';

/**
 * Connects to a server. It returns at once and connects by itself; what is asked
 * before the connection is open waits for it.
 *
 * @throws `CONFIG_INVALID` naming the option that is wrong.
 * @example
 * await using client = connect({ url: 'http://127.0.0.1:4100' });
 * const run = client.start('analyst', { ledger: 'usage.csv' });
 * for await (const event of run) console.log(event.type);
 */
export function connect(options: ClientOptions): EnginehouseClient {
  return new EnginehouseClient(options);
}

export type { EnginehouseClient, FollowOptions, StartOptions } from './enginehouse-client.ts';
export type { ClientOptions } from './options.ts';
export type { ClientRun } from './client-run.ts';
export type { ClientState } from './connection.ts';
export { followTree, type FollowRun, type TreeEvent } from './follow-tree.ts';
export type { RunCursor, RunEvidence, RunReset } from './followed-run.ts';
export type { RunResult } from './run-result.ts';
export type { OpenWebSocket, WebSocketLike } from './web-socket.ts';
export type {
  ListedAgent,
  KeptArtifact,
  EventPage,
  RunDetails,
  ListedRun,
  RunPage,
  RunQuery,
  UploadOptions,
} from './http-calls.ts';
export type { AgentEvent, EventType } from '../context/event.ts';
export type { FinalStatus, RunStatus } from '../context/run-status.ts';
export type { Position } from '../context/wire.ts';
export { EnginehouseError, isEnginehouseError } from '../base/errors.ts';
