import fc from 'fast-check';
import { expect, test } from 'vitest';

import { BridgeHouse, owner, writeDeltas } from '../../test/support/bridge-house.ts';
import { RawSocket } from '../../test/support/raw-socket.ts';
import { crc32 } from '../base/crc32.ts';
import { canonicalEvent } from '../context/canonical-event.ts';
import type { AgentEvent } from '../context/event.ts';
import { runId } from '../context/ids.ts';
import { crcText } from '../context/wire.ts';

test('a client that was cut off gets exactly what it has not seen', async () => {
  await using house = await BridgeHouse.open();
  const emitter = await house.accept('r1');
  await writeDeltas(emitter, 20);
  let seen: AgentEvent[] = [];
  let epoch = '';
  {
    await using socket = await RawSocket.open(house.url, { hello: { subs: [{ s: 'run:r1', from: 'start' }] } });
    await socket.until('twenty-one events', () => (socket.seqs('run:r1').length >= 21 ? true : undefined));
    epoch = (await socket.first('ev')).e;
    seen = socket.events('run:r1');
  }
  await writeDeltas(emitter, 20);
  await emitter.emit('agent_completed', { result: null });

  await using again = await RawSocket.open(house.url, { hello: { subs: [{ s: 'run:r1', epoch, after: 21 }] } });
  const end = await again.first('end');

  const all = [...seen, ...again.events('run:r1')];
  expect((await again.first('ready')).streams['run:r1']).toMatchObject({ epoch, resumed: true });
  expect(all).toEqual(await house.store.for(owner()).log.read(runId('r1'), 0, 1_000));
  expect(crcOf(all)).toBe(end.crc);
});

test('a cursor at the end of a run that is over gets its end alone', async () => {
  await using house = await BridgeHouse.open();
  await house.write('r1', 2);
  const epoch = (await house.store.for(owner()).log.head(runId('r1')))?.epoch;

  await using socket = await RawSocket.open(house.url, { hello: { subs: [{ s: 'run:r1', epoch, after: 4 }] } });

  expect(await socket.first('end')).toMatchObject({ seq: 4 });
  expect(socket.all('ev')).toEqual([]);
});

test.each([
  ['of another epoch', () => ({ epoch: 'another', after: 2 })],
  ['past the head', (epoch: string) => ({ epoch, after: 99 })],
])('a cursor %s gets a gap and then the stream from its start', async (_name, cursor) => {
  await using house = await BridgeHouse.open();
  await house.write('r1', 2);
  const { epoch } = (await house.store.for(owner()).log.head(runId('r1'))) ?? { epoch: '' };

  await using socket = await RawSocket.open(house.url, { hello: { subs: [{ s: 'run:r1', ...cursor(epoch) }] } });
  await socket.first('end');

  expect((await socket.first('ready')).streams['run:r1']).toEqual({ epoch, head: 4, resumed: false });
  expect(socket.frames.map(({ t }) => t)).toEqual(['ready', 'gap', 'ev', 'end']);
  expect(await socket.first('gap')).toEqual({ t: 'gap', s: 'run:r1', e: epoch, oldest: 1, why: 'epoch' });
  expect(socket.seqs('run:r1')).toEqual([1, 2, 3, 4]);
});

test('a cursor at the end of a run that ended while somebody else followed it gets its end', async () => {
  await using house = await BridgeHouse.open();
  const emitter = await house.accept('r1');
  const follower = house.bridge.follow(owner(), runId('r1'), 0);
  await follower.next();
  await emitter.emit('agent_completed', { result: null });

  await using socket = await RawSocket.open(house.url, { hello: { subs: [{ s: 'run:r1', from: 'live' }] } });

  expect(await socket.first('end')).toMatchObject({ seq: 2, status: 'completed' });
  await follower.return();
});

test('a cursor ahead of what this process was told is looked up before it is doubted', async () => {
  await using house = await BridgeHouse.open();
  const emitter = await house.accept('r1');
  await using socket = await RawSocket.open(house.url, { hello: { subs: [{ s: 'run:r1', from: 'start' }] } });
  const { e: epoch } = await socket.first('ev');
  await emitter.close();
  const lease = await house.store.for(owner()).leases.take(runId('r1'), 'another process');
  const data = JSON.stringify({ turn: 1 });
  await house.store.for(owner()).log.append(runId('r1'), {
    generation: lease?.generation ?? 0,
    after: 1,
    events: [{ type: 'agent_thinking', at: 1, data }],
  });

  await using other = await RawSocket.open(house.url, { hello: { subs: [{ s: 'run:r1', epoch, after: 2 }] } });

  expect((await other.first('ready')).streams['run:r1']).toEqual({ epoch, head: 2, resumed: true });
  await socket.until('the first one learns of it too', () => (socket.seqs('run:r1').length === 2 ? true : undefined));
});

test('subscribing again moves the cursor, and costs no second subscription', async () => {
  await using house = await BridgeHouse.open();
  const emitter = await house.accept('r1');
  await writeDeltas(emitter, 2);
  await using socket = await RawSocket.open(house.url, { hello: { subs: [{ s: 'run:r1', from: 'start' }] } });
  const { e: epoch } = await socket.first('ev');

  socket.send({ t: 'sub', s: 'run:r1', from: { epoch, after: 1 } });
  await socket.until('the second replay', () => (socket.seqs('run:r1').length === 5 ? true : undefined));

  expect(socket.seqs('run:r1')).toEqual([1, 2, 3, 2, 3]);
  expect(house.bridge.health().subscriptions).toBe(1);
});

test('model: with cuts anywhere, a client shows the log exactly, and proves it', async () => {
  const step = fc.oneof(
    fc.record({
      do: fc.constant('write' as const),
      count: fc.integer({ min: 1, max: 40 }),
      length: fc.constantFrom(1, 50, 3_000),
    }),
    fc.record({ do: fc.constant('read' as const), count: fc.integer({ min: 1, max: 60 }) }),
    fc.record({ do: fc.constant('cut' as const) }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 12 }),
      fc.constantFrom(4_096, 262_144),
      async (steps, window) => {
        await using house = await BridgeHouse.open();
        const emitter = await house.accept('r1');
        const client = new CursorClient(house.url, window);
        for (const one of steps) {
          if (one.do === 'write') await writeDeltas(emitter, one.count, 'x'.repeat(one.length));
          else if (one.do === 'read') await client.read(Math.min(client.events.length + one.count, emitter.head));
          else await client.cut();
        }
        await emitter.emit('agent_completed', { result: null });
        const crc = await client.end();
        await client.cut();
        expect(client.events).toEqual(await house.store.for(owner()).log.read(runId('r1'), 0, 10_000));
        expect(crcOf(client.events)).toBe(crc);
      },
    ),
    { numRuns: 25 },
  );
});

/** What the protocol asks of a client and no more: apply `last + 1`, drop what is there, acknowledge, resume by cursor. */
class CursorClient {
  readonly events: AgentEvent[] = [];
  readonly #url: string;
  readonly #window: number;
  #epoch: string | undefined;
  #socket: RawSocket | undefined;
  #applied = 0;

  constructor(url: string, window: number) {
    this.#url = url;
    this.#window = window;
  }

  async read(last: number): Promise<void> {
    const socket = await this.#open();
    await socket.until(`event ${last}`, () => {
      this.#apply(socket);
      return this.events.length >= last ? true : undefined;
    });
  }

  async end(): Promise<string> {
    const socket = await this.#open();
    return socket.until('the end', () => {
      this.#apply(socket);
      return socket.all('end')[0]?.crc;
    });
  }

  async cut(): Promise<void> {
    await this.#socket?.[Symbol.asyncDispose]();
    this.#socket = undefined;
  }

  async #open(): Promise<RawSocket> {
    if (this.#socket !== undefined) return this.#socket;
    const place = this.#epoch === undefined ? { from: 'start' } : { epoch: this.#epoch, after: this.events.length };
    this.#applied = 0;
    this.#socket = await RawSocket.open(this.#url, {
      hello: { window: this.#window, subs: [{ s: 'run:r1', ...place }] },
    });
    return this.#socket;
  }

  #apply(socket: RawSocket): void {
    this.#epoch ??= socket.all('ev')[0]?.e;
    const received = socket.events('run:r1');
    const news = received.slice(this.#applied);
    this.#applied = received.length;
    for (const event of news) {
      if (event.seq !== this.events.length + 1) throw new Error(`after ${this.events.length} came ${event.seq}`);
      this.events.push(event);
    }
    if (news.length > 0) socket.send({ t: 'ack', c: { 'run:r1': this.events.length } });
  }
}

function crcOf(events: readonly AgentEvent[]): string {
  return crcText(events.reduce((crc, event) => crc32(canonicalEvent(event), crc), 0));
}
