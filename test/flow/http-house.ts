import { z } from 'zod';

import { defineAgent } from '../../src/agent/define-agent.ts';
import { systemClock, type Clock } from '../../src/base/clock.ts';
import { signToken } from '../../src/server/token.ts';
import type { EnginehouseConfig } from '../../src/startup/config.ts';
import type { EnginehouseRuntime } from '../../src/startup/runtime.ts';
import { startup } from '../../src/startup/startup.ts';
import { ownStore } from '../support/own-store.ts';

export const SECRET = 'a secret of more than thirty-two bytes';

const greeter = defineAgent({
  name: 'greeter',
  description: 'Greets.',
  inputSchema: z.object({ name: z.string() }),
  run: async ({ input, say }) => {
    await say(`Hello, ${input.name}`);
    return { text: `Hello, ${input.name}` };
  },
});

const scribe = defineAgent({
  name: 'scribe',
  inputSchema: z.object({ title: z.string(), text: z.string(), mediaType: z.string().optional() }),
  run: async ({ input, artifacts }) => {
    const { title, text, mediaType } = input;
    return (await artifacts.create(text, mediaType === undefined ? { title } : { title, mediaType })).artifactId;
  },
});

const breaker = defineAgent({
  name: 'breaker',
  run: () => {
    throw new Error('it broke');
  },
});

/** Ends when its run is cancelled, and not before. */
const sleeper = defineAgent({
  name: 'sleeper',
  run: ({ signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    }),
});

export interface House extends AsyncDisposable {
  readonly runtime: EnginehouseRuntime;
  readonly url: string;
  /** Calls the API as this user, with a real token. */
  as(user: string): (path: string, init?: RequestInit) => Promise<Response>;
}

type HouseOptions = Partial<EnginehouseConfig> & { readonly clock?: Clock };

/** The real thing, on a free port, with a store of its own. */
export async function openHouse({ clock = systemClock, ...config }: HouseOptions = {}): Promise<House> {
  const settled: EnginehouseConfig = {
    agents: [greeter, scribe, breaker, sleeper],
    store: await ownStore(config.database?.migrations),
    auth: { secret: SECRET },
    server: { port: 0 },
    log: 'silent',
    ...config,
  };
  const runtime = await startup(settled, { env: {}, seams: { clock } });
  const url = runtime.address?.url ?? '';
  return {
    runtime,
    url,
    as: (user) => async (path, init) => {
      const token = await signToken(SECRET, { userId: user, expiresInMs: 60_000 }, clock);
      const headers = new Headers(init?.headers);
      headers.set('Authorization', `Bearer ${token}`);
      return fetch(url + path, { ...init, headers });
    },
    [Symbol.asyncDispose]: () => runtime.close(),
  };
}

type Caller = ReturnType<House['as']>;

export function json(body: unknown, headers: Record<string, string> = {}): RequestInit {
  return { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json', ...headers } };
}

/** Starts a run and waits, on its own event stream, until it has ended. */
export async function runToEnd(
  call: Caller,
  agent: string,
  input: unknown,
  runId: string = crypto.randomUUID(),
): Promise<string> {
  const started = await call('/api/runs', json({ agent, input, runId }));
  if (started.status !== 202) throw new Error(`the run was not started: ${await started.text()}`);
  const stream = await call(`/api/runs/${encodeURIComponent(runId)}/events`, {
    headers: { Accept: 'text/event-stream' },
  });
  await stream.text();
  return runId;
}

export interface SentEvent {
  readonly id: string;
  readonly event: { readonly seq: number; readonly type: string; readonly data: unknown };
}

/** The events of a stream as an EventSource would see them, one by one. */
export async function* sentEvents(response: Response): AsyncGenerator<SentEvent> {
  let rest = '';
  for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const blocks = (rest + piece).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const id = /^id: (.*)$/m.exec(block)?.[1];
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (id !== undefined && data !== undefined) yield { id, event: JSON.parse(data) };
    }
  }
}
