import { expect, test } from 'vitest';

import { BridgeHouse, owner, writeDeltas } from '../../test/support/bridge-house.ts';
import { fastClock } from '../../test/support/fast-clock.ts';
import { ScriptedServer } from '../../test/support/scripted-server.ts';
import { until } from '../../test/support/until.ts';
import { crc32 } from '../base/crc32.ts';
import { canonicalEvent } from '../context/canonical-event.ts';
import { unpackEvent, type EventTuple } from '../context/event-tuple.ts';
import type { AgentEvent } from '../context/event.ts';
import { runId } from '../context/ids.ts';
import { crcText } from '../context/wire.ts';
import { connect, type EnginehouseClient } from './index.ts';

const TUPLES: readonly EventTuple[] = [
  ['run_accepted', null, { agent: 'echo', version: '1' }],
  ['message_delta', 'm1', 'Hello'],
  ['agent_completed', null, { result: 1 }, 7],
];
const EVENTS = TUPLES.map((tuple, index) => unpackEvent(tuple, index + 1, 1_000));
const CRC = crcText(EVENTS.reduce((crc, event) => crc32(canonicalEvent(event), crc), 0));
const END = { t: 'end', s: 'run:r1', seq: 3, status: 'completed', n: 3, crc: CRC };

test('F1: what is there already is dropped', async () => {
  await using server = await serve((_from, { say }) => {
    say(ev(1, 2));
    say(ev(1, 3));
    say(END);
  });
  await using client = follow(server);

  expect(await collect(client.run('r1'))).toEqual(EVENTS);
});

test('F1: on a hole it subscribes again from where it is, once, and shows nothing that came too early', async () => {
  await using server = await serve((from, { say }) => {
    if (from === 'start') {
      say(ev(1, 1));
      say(ev(3, 3));
      say(ev(3, 3));
      return;
    }
    say(ev(2, 3));
    say(END);
  });
  await using client = follow(server);

  expect(await collect(client.run('r1'))).toEqual(EVENTS);
  expect(server.all('sub').map(({ from }) => from)).toEqual([{ epoch: 'e1', after: 1 }]);
});

test('F1: an end before the last event is a hole too', async () => {
  await using server = await serve((from, { say }) => {
    say(from === 'start' ? ev(1, 2) : ev(3, 3));
    say(END);
  });
  await using client = follow(server);

  expect(await collect(client.run('r1'))).toEqual(EVENTS);
});

test('F2: a wrong CRC withdraws what was shown, tells it, and reads the run again', async () => {
  let times = 0;
  await using server = await serve((_from, { say }) => {
    times += 1;
    say(times === 1 ? { ...ev(1, 3), ev: [TUPLES[0], ['message_delta', 'm1', 'Forged'], TUPLES[2]] } : ev(1, 3));
    if (times > 1) say(END);
  });
  await using client = follow(server);
  const resets: unknown[] = [];
  client.onReset((reset) => resets.push(reset));
  const run = client.run('r1');
  const shown: unknown[] = [];
  const reading = (async () => {
    for await (const { data } of run) shown.push(data);
  })();
  await until('the forged events are shown', () => shown.length === 3);

  server.say(END);

  await expect(reading).rejects.toMatchObject({ code: 'STREAM_RESET', details: { runId: 'r1', why: 'crc' } });
  expect(shown[1]).toEqual({ message: 'm1', delta: 'Forged' });
  expect(await collect(run)).toEqual(EVENTS);
  expect(await run.result).toMatchObject({ status: 'completed', crc: CRC });
  expect(run.proof).toEqual({ n: 3, crc: CRC, verified: true });
  expect(resets).toEqual([{ runId: 'r1', why: 'crc' }]);
});

test('F2: a reader that was shown nothing yet sees the log alone', async () => {
  let times = 0;
  await using server = await serve((_from, { say }) => {
    times += 1;
    say(times === 1 ? { ...ev(1, 3), ev: [TUPLES[0], ['message_delta', 'm1', 'Forged'], TUPLES[2]] } : ev(1, 3));
    say(END);
  });
  await using client = follow(server);
  const run = client.run('r1');
  await run.result;

  expect(await collect(run)).toEqual(EVENTS);
});

test('F2: a wrong CRC twice fails the run', async () => {
  await using server = await serve((_from, { say }) => {
    say(ev(1, 3));
    say({ ...END, crc: '00000000' });
  });
  await using client = follow(server);

  const run = client.run('r1');

  await expect(run.result).rejects.toMatchObject({ code: 'STREAM_RESET' });
  await expect(collect(run)).rejects.toMatchObject({ code: 'STREAM_RESET' });
  expect(client.state).toBe('open');
});

test('F2: a wrong count is as bad as a wrong CRC', async () => {
  await using server = await serve((_from, { say }) => {
    say(ev(1, 3));
    say({ ...END, n: 4 });
  });
  await using client = follow(server);

  await expect(client.run('r1').result).rejects.toMatchObject({ code: 'STREAM_RESET' });
});

test('what is no frame drops the connection, and the next one goes on', async () => {
  let times = 0;
  await using server = await serve((_from, { say }) => {
    times += 1;
    if (times === 1) say('nonsense');
    else say(ev(1, 3));
    if (times > 1) say(END);
  });
  await using client = follow(server);

  expect(await collect(client.run('r1'))).toEqual(EVENTS);
  expect(server.connections).toBe(2);
});

test('a known frame of another shape drops the connection too, and harms nobody', async () => {
  let times = 0;
  await using server = await serve((_from, { say }) => {
    times += 1;
    if (times === 1) say({ t: 'ev', s: 'run:r1', e: 'e1', from: 1, at: 1, ev: [null] });
    else say(ev(1, 3));
    if (times > 1) say(END);
  });
  await using client = follow(server);

  expect(await collect(client.run('r1'))).toEqual(EVENTS);
});

test('event and frame types of a newer server are taken as they are, or ignored', async () => {
  const newer: EventTuple = ['weather_changed', null, { to: 'rain' }];
  const events = [EVENTS[0], unpackEvent(newer, 2, 1_000), EVENTS[2]];
  const crc = crcText(
    events.reduce((sum, event) => (event === undefined ? sum : crc32(canonicalEvent(event), sum)), 0),
  );
  await using server = await serve((_from, { say }) => {
    say({ t: 'telemetry', s: 'run:r1' });
    say({ ...ev(1, 3), ev: [TUPLES[0], newer, TUPLES[2]] });
    say({ ...END, crc });
  });
  await using client = follow(server);

  const run = client.run('r1');

  expect(await collect(run)).toEqual(events);
  expect(run.proof.verified).toBe(true);
});

test('trouble of the server with a stream is met by a new connection, not by the end of the run', async () => {
  let times = 0;
  await using server = await serve((_from, { say }) => {
    times += 1;
    const err = { code: 'STORE_FAILED', message: 'the disk', details: {}, cure: '', retry: 'after', ref: 'r' };
    if (times === 1) say({ t: 'err', s: 'run:r1', err });
    else say(ev(1, 3));
    if (times > 1) say(END);
  });
  await using client = follow(server);

  expect((await client.run('r1').result).status).toBe('completed');
});

test('F3: a reader that stops reading holds a bounded number of events, and stops nothing else', async () => {
  await using house = await BridgeHouse.open({ limits: { windowBytes: 10_000_000 } });
  await using client = connect({ url: house.url, token: 'ada' });
  const emitter = await house.accept('r1');
  const writing = writeDeltas(emitter, 25_000, 'x').then(() => emitter.emit('agent_completed', { result: null }));
  const run = client.run('r1');
  const reader = run[Symbol.asyncIterator]();
  await reader.next();

  await writing;
  await until('the client has left the stream', () => house.bridge.health().subscriptions === 0);
  const received = run.proof.n;
  const other = await client.start('echo', { deltas: 1 }).result;
  let read = 1;
  for await (const { seq } of { [Symbol.asyncIterator]: () => reader }) {
    read += 1;
    if (seq !== read) throw new Error(`after ${read - 1} came ${seq}`);
  }

  expect(received).toBeGreaterThanOrEqual(10_000);
  expect(received).toBeLessThan(15_000);
  expect(other.status).toBe('completed');
  expect(read).toBe(25_002);
  expect((await run.result).seq).toBe(25_002);
});

test('F4: a reader that comes after the oldest events went has them sent again', async () => {
  await using house = await BridgeHouse.open({ limits: { windowBytes: 10_000_000 } });
  await using client = connect({ url: house.url, token: 'ada' });
  const emitter = await house.accept('r1');
  await writeDeltas(emitter, 12_000, 'x');
  const run = client.run('r1');
  await until('all of it is received', () => run.proof.n === 12_001);

  const early = collect(run);
  await writeDeltas(emitter, 10, 'x');
  await emitter.emit('agent_completed', { result: null });
  const late = collect(run);

  const log = await house.store.for(owner()).log.read(runId('r1'), 0, 100_000);
  expect(await early).toEqual(log);
  expect(await late).toEqual(log);
  expect(run.proof).toMatchObject({ n: 12_012, verified: true });
  expect(await collect(run)).toEqual(log);
});

type Talk = Pick<ScriptedServer, 'say'>;

/** A server that greets, and answers every subscription of run r1, however it was made, with `tell`. */
function serve(tell: (from: unknown, talk: Talk) => void): Promise<ScriptedServer> {
  return ScriptedServer.open((frame, server) => {
    const talk: Talk = { say: (said) => server.say(said) };
    if (frame.t === 'hello') {
      server.ready();
      for (const sub of frame.subs ?? []) tell('from' in sub ? sub.from : sub, talk);
    }
    if (frame.t === 'sub') tell(frame.from, talk);
  });
}

function follow(server: ScriptedServer): EnginehouseClient {
  return connect({ url: server.url, clock: fastClock });
}

function ev(from: number, to: number): object {
  return { t: 'ev', s: 'run:r1', e: 'e1', from, at: 1_000, ev: TUPLES.slice(from - 1, to) };
}

async function collect(events: AsyncIterable<AgentEvent>): Promise<AgentEvent[]> {
  const all: AgentEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}
