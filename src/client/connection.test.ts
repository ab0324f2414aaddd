import { expect, test } from 'vitest';

import { fastClock } from '../../test/support/fast-clock.ts';
import { ScriptedServer } from '../../test/support/scripted-server.ts';
import { until } from '../../test/support/until.ts';
import { TestClock } from '../testing/test-clock.ts';
import { connect } from './index.ts';

test.each([
  [4400, 'FRAME_INVALID'],
  [4401, 'UNAUTHENTICATED'],
  [4403, 'DISCONNECTED'],
  [4406, 'FRAME_INVALID'],
  [4409, 'DISCONNECTED'],
  [4429, 'LIMIT_REACHED'],
])('K2: a close with %i ends the client with %s', async (code, expected) => {
  await using server = await ScriptedServer.open((frame, peer) => frame.t === 'hello' && peer.close(code));
  const client = connect({ url: server.url, clock: fastClock });

  await expect(client.run('r1').result).rejects.toMatchObject({ code: expected });

  expect(client.state).toBe('closed');
  expect(server.connections).toBe(1);
});

test('K1: codes that say to come back are followed by another attempt', async () => {
  for (const code of [1001, 1009, 1012, 4500, 4503, 4508, 4510]) {
    await using server = await ScriptedServer.open((frame, peer) => {
      if (frame.t !== 'hello') return;
      if (peer.connections === 1) peer.close(code);
      else peer.ready();
    });
    await using client = connect({ url: server.url, clock: fastClock });

    await until(`it is back after ${code}`, () => client.state === 'open');

    expect(server.connections).toBe(2);
  }
});

test('K1: a server that drains says when to come back', async () => {
  const clock = new TestClock();
  await using server = await ScriptedServer.open((frame, peer) => {
    if (frame.t !== 'hello') return;
    peer.ready();
    if (peer.connections > 1) return;
    peer.say({ t: 'drain', in: [4_000, 9_000], why: 'deploy' });
    peer.close(1012);
  });
  await using client = connect({ url: server.url, clock, ids: { next: () => 'id', random: () => 0.5 } });
  await until('it was sent away', () => client.state === 'reconnecting');

  await clock.advance(6_499);
  expect(server.connections).toBe(1);
  await clock.advance(1);

  await until('it is back', () => client.state === 'open');
});

test('K3: a connection that says nothing is asked, and dropped when it does not answer', async () => {
  const clock = new TestClock();
  await using server = await ScriptedServer.open((frame, peer) => frame.t === 'hello' && peer.ready());
  await using client = connect({ url: server.url, clock });
  await until('it is open', () => client.state === 'open');

  await clock.advance(50_000);
  await until('it was asked', () => server.all('ping').length === 1);
  await clock.advance(5_000);

  await until('it came again', () => server.connections === 2);
});

test('K3: a connection that answers the question is kept', async () => {
  const clock = new TestClock();
  await using server = await ScriptedServer.open((frame, peer) => {
    if (frame.t === 'hello') peer.ready();
    if (frame.t === 'ping') peer.say({ t: 'pong', n: frame.n });
  });
  await using client = connect({ url: server.url, clock });
  await until('it is open', () => client.state === 'open');

  for (let round = 1; round <= 3; round += 1) {
    await clock.advance(50_000);
    await until('it was asked', () => server.all('ping').length >= round);
    await clock.advance(5_000);
  }

  expect(server.connections).toBe(1);
  expect(client.state).toBe('open');
});

test('a server that never says ready is left', async () => {
  const clock = new TestClock();
  await using server = await ScriptedServer.open(() => undefined);
  await using client = connect({ url: server.url, clock });
  await until('it said hello', () => server.all('hello').length === 1);

  await clock.advance(15_000);

  await until('it tried again', () => server.connections === 2);
  expect(client.state).toBe('connecting');
});

test('what is asked between hello and ready is said as well', async () => {
  await using server = await ScriptedServer.open(() => undefined);
  await using client = connect({ url: server.url, clock: fastClock });
  await until('it said hello', () => server.all('hello').length === 1);

  client.run('r1');
  client.start('echo', null, { runId: 'r2' });
  await until('it subscribed', () => server.all('sub').length === 1);
  expect(server.all('cmd')).toEqual([]);
  server.ready();

  await until('it sent the command', () => server.all('cmd').length === 1);
});

test('what was applied is acknowledged, together and a little later', async () => {
  const clock = new TestClock();
  await using server = await ScriptedServer.open((frame, peer) => {
    if (frame.t !== 'hello') return;
    peer.ready();
    for (const run of ['r1', 'r2']) {
      peer.say({ t: 'ev', s: `run:${run}`, e: 'e', from: 1, at: 1, ev: [['agent_thinking', null, { turn: 1 }]] });
    }
  });
  await using client = connect({ url: server.url, clock });
  const runs = [client.run('r1'), client.run('r2')];
  await until('both came', () => runs.every(({ proof }) => proof.n === 1));
  expect(server.all('ack')).toEqual([]);

  await clock.advance(250);

  await until('the acknowledgement came', () => server.all('ack').length === 1);
  expect(server.all('ack')).toEqual([{ t: 'ack', c: { 'run:r1': 1, 'run:r2': 1 } }]);
});
