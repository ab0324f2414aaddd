/**
 * A database worker: a process that runs the statements of one transaction at a
 * time. It is a process and not a thread, because a statement that does not end
 * is a loop inside SQLite, which only the end of a process stops: a thread in it
 * cannot be terminated and holds the whole process open.
 *
 *   W1. One request after the other, one answer to each, in order.
 *   W2. It ends with the process that started it, also from inside a loop.
 *   W3. It is given no environment, and opens the files that it is told to.
 */

import { Worker } from 'node:worker_threads';

import { Refused } from './refused.ts';
import { UserFile } from './user-file.ts';
import type { Exchanges, Failure, Request } from './worker-protocol.ts';

const WATCH = new URL(import.meta.url.endsWith('.ts') ? './parent-watch.ts' : './parent-watch.js', import.meta.url);

const files = new Map<string, UserFile>();
let current: UserFile | undefined;

if (process.send === undefined) throw new TypeError('worker.ts is started by the house only');
const send = process.send.bind(process);

// Ctrl-C and a service manager address all processes at once; the house ends its transactions first.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);

new Worker(WATCH).unref();

process.on('message', (request: Request) => {
  send(answer(request));
});

function answer(
  request: Request,
): { readonly value: Exchanges[Request['kind']]['reply'] } | { readonly failure: Failure } {
  try {
    return { value: handle(request) };
  } catch (error) {
    return { failure: error instanceof Refused ? error.failure : { code: 'DATABASE_FAILED', reason: reasonOf(error) } };
  }
}

function handle(request: Request): Exchanges[Request['kind']]['reply'] {
  switch (request.kind) {
    case 'open':
      if (!files.has(request.file)) files.set(request.file, new UserFile(request.file, request.limits));
      return undefined;
    case 'applied':
      return opened(request.file).applied();
    case 'begin':
      current = opened(request.file);
      current.begin(request.mode);
      return undefined;
    case 'statement':
      return begun().statement(request.sql, request.parameters);
    case 'script':
      begun().script(request.sql);
      return undefined;
    case 'commit':
      begun().commit(request.applied);
      return undefined;
    case 'rollback':
      current?.rollback();
      return undefined;
    case 'close':
      for (const file of request.files) close(file);
      return undefined;
  }
}

function opened(file: string): UserFile {
  const found = files.get(file);
  if (found === undefined) throw new Error('the database is not open');
  return found;
}

function begun(): UserFile {
  if (current === undefined) throw new Error('no transaction was begun');
  return current;
}

function close(file: string): void {
  const found = files.get(file);
  files.delete(file);
  if (found === current) current = undefined;
  found?.[Symbol.dispose]();
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
