import { expect, test } from 'vitest';

import { defineAgent } from '../../src/agent/define-agent.ts';
import { json, openHouse, runToEnd, sentEvents, type SentEvent } from './http-house.ts';

const STREAM = { headers: { Accept: 'text/event-stream' } };

/** An agent that says one word for each that it is given, and ends with the last. */
function talker() {
  const words: PromiseWithResolvers<string>[] = Array.from({ length: 10 }, () => Promise.withResolvers());
  const agent = defineAgent({
    name: 'talker',
    run: async ({ think }) => {
      for (const { promise } of words) {
        const word = await promise;
        await think(word);
        if (word === 'bye') return word;
      }
      return null;
    },
  });
  return { agent, say: (at: number, word: string) => words[at]?.resolve(word) };
}

test('a page of the log says where to go on', async () => {
  await using house = await openHouse();
  const ada = house.as('ada');
  await runToEnd(ada, 'greeter', { name: 'Ada' }, 'r1');

  const all = await (await ada('/api/runs/r1/events')).json();
  const first = await (await ada('/api/runs/r1/events?limit=2')).json();
  const rest = await (await ada(`/api/runs/r1/events?after=${first.next}`)).json();

  expect(all.events.map((event: { seq: number }) => event.seq)).toEqual(
    all.events.map((_: unknown, at: number) => at + 1),
  );
  expect(all.events.at(-1)).toMatchObject({ type: 'agent_completed', data: { result: { text: 'Hello, Ada' } } });
  expect(all).toMatchObject({ head: all.events.length, status: 'completed', next: all.events.length });
  expect([...first.events, ...rest.events]).toEqual(all.events);
});

test('a stream shows what was and what comes, and ends with the run', async () => {
  const { agent, say } = talker();
  await using house = await openHouse({ agents: [agent] });
  const ada = house.as('ada');
  say(0, 'one');
  await ada('/api/runs', json({ agent: 'talker', runId: 'r1' }));

  const response = await ada('/api/runs/r1/events', STREAM);
  const seen: SentEvent[] = [];
  for await (const sent of sentEvents(response)) {
    seen.push(sent);
    const { type, data } = sent.event;
    if (type === 'agent_thinking' && JSON.stringify(data).includes('one')) say(1, 'bye');
  }

  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const { events } = await (await ada('/api/runs/r1/events')).json();
  const { epoch } = await (await ada('/api/runs/r1')).json();
  expect(seen.map(({ event }) => event)).toEqual(events);
  expect(seen.map(({ id }) => id)).toEqual(events.map((event: { seq: number }) => `${epoch}.${event.seq}`));
});

test('a stream that was cut goes on after the last event that was seen (E1)', async () => {
  const { agent, say } = talker();
  await using house = await openHouse({ agents: [agent] });
  const ada = house.as('ada');
  say(0, 'one');
  await ada('/api/runs', json({ agent: 'talker', runId: 'r1' }));
  let last = '';
  const cut = new AbortController();
  const response = await ada('/api/runs/r1/events', { ...STREAM, signal: cut.signal });
  for await (const { id, event } of sentEvents(response)) {
    last = id;
    if (event.type === 'agent_thinking') break;
  }
  cut.abort();
  say(1, 'bye');

  const resumed = await ada('/api/runs/r1/events?after=0', { headers: { ...STREAM.headers, 'Last-Event-ID': last } });
  const seen = await Array.fromAsync(sentEvents(resumed));

  const { events } = await (await ada('/api/runs/r1/events')).json();
  const at = Number(last.split('.').at(-1));
  expect(seen.map(({ event }) => event)).toEqual(events.slice(at));
});

test('an id of another epoch proves nothing: the stream starts at 1 (E1)', async () => {
  await using house = await openHouse();
  const ada = house.as('ada');
  await runToEnd(ada, 'greeter', { name: 'Ada' }, 'r1');

  const other = await ada('/api/runs/r1/events', { headers: { ...STREAM.headers, 'Last-Event-ID': 'gone.3' } });

  expect((await Array.fromAsync(sentEvents(other)))[0]?.event.seq).toBe(1);
});

test.each(['nonsense', '3', '.3', 'epoch.x'])('the Last-Event-ID %j is refused', async (id) => {
  await using house = await openHouse();
  const ada = house.as('ada');
  await runToEnd(ada, 'greeter', { name: 'Ada' }, 'r1');

  const answer = await ada('/api/runs/r1/events', { headers: { ...STREAM.headers, 'Last-Event-ID': id } });

  expect([answer.status, (await answer.json()).code]).toEqual([400, 'REQUEST_INVALID']);
});

test('who has the terminal event is told to stay away (E2)', async () => {
  await using house = await openHouse();
  const ada = house.as('ada');
  await runToEnd(ada, 'greeter', { name: 'Ada' }, 'r1');
  const { head, epoch } = await (await ada('/api/runs/r1')).json();

  const answer = await ada('/api/runs/r1/events', {
    headers: { ...STREAM.headers, 'Last-Event-ID': `${epoch}.${head}` },
  });

  expect(answer.status).toBe(204);
});

test('asking for the head of a stream opens none', async () => {
  await using house = await openHouse();
  const ada = house.as('ada');
  await ada('/api/runs', json({ agent: 'sleeper', runId: 'r1' }));

  const answer = await ada('/api/runs/r1/events', { ...STREAM, method: 'HEAD' });

  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
  expect(house.runtime.resources.remaining('follower')).toEqual([]);
  await ada('/api/runs/r1/cancel', { method: 'POST' });
});

test('the streams of a user are limited, and one that was left makes room', async () => {
  await using house = await openHouse({ limits: { socketsPerUser: 1 } });
  const ada = house.as('ada');
  await ada('/api/runs', json({ agent: 'sleeper', runId: 'r1' }));
  const leave = new AbortController();
  const first = await ada('/api/runs/r1/events', { ...STREAM, signal: leave.signal });
  await sentEvents(first).next();

  const refused = await ada('/api/runs/r1/events', STREAM);
  leave.abort();
  const later = async (): Promise<number> => {
    const answer = await ada('/api/runs/r1/events', STREAM);
    await answer.body?.cancel();
    return answer.status;
  };

  expect([refused.status, (await refused.json()).details]).toEqual([429, { limit: 'socketsPerUser', max: 1 }]);
  await expect.poll(later).toBe(200);
  await ada('/api/runs/r1/cancel', { method: 'POST' });
});

test('closing the runtime ends a stream in good order, and leaves nothing open', async () => {
  await using house = await openHouse({ limits: { drainTimeoutMs: 0, cancelGraceMs: 0 } });
  const ada = house.as('ada');
  await ada('/api/runs', json({ agent: 'sleeper', runId: 'r1' }));
  const response = await ada('/api/runs/r1/events', STREAM);
  const events = sentEvents(response);
  await events.next();

  await house.runtime.close();

  const rest = await Array.fromAsync(events);
  expect(rest.some(({ event }) => event.type.startsWith('agent_c'))).toBe(false);
  expect(house.runtime.resources.remaining()).toEqual([]);
});

test('a page stops before it grows too large, and goes on from there (E3)', async () => {
  const filler = defineAgent({
    name: 'filler',
    run: async ({ think }) => {
      for (let at = 0; at < 60; at += 1) await think(String(at).padEnd(30_000, '.'));
      return null;
    },
  });
  await using house = await openHouse({ agents: [filler] });
  const ada = house.as('ada');
  await runToEnd(ada, 'filler', null, 'r1');

  const seqs: number[] = [];
  let pages = 0;
  for (let next = 0, head = 1; next < head; pages += 1) {
    const page = await (await ada(`/api/runs/r1/events?after=${next}`)).json();
    seqs.push(...page.events.map((event: { seq: number }) => event.seq));
    ({ next, head } = page);
  }

  expect(seqs).toEqual(seqs.map((_, at) => at + 1));
  expect(seqs.length).toBeGreaterThan(60);
  expect(pages).toBe(2);
});
