import { expect, test } from 'vitest';
import { WebSocket } from 'ws';

import { TimelineHouse } from '../../../test/support/timeline-house.ts';
import { accepted, begins, completed, ends, says, started, written } from '../../../test/support/written-log.ts';
import { connect, type EnginehouseClient } from '../../client/index.ts';
import { packEvent } from '../../context/event-tuple.ts';
import type { AgentEvent } from '../../context/event.ts';
import { crcText } from '../../context/wire.ts';
import type { TestUser } from '../test-user.ts';
import { foldOf } from './fold.ts';
import { eventsOfFrames, notInLog, tellingFrames } from './frames.ts';

/** A user's sockets, real ones, and every text frame that they received. */
class Watched {
  readonly texts: string[] = [];
  readonly sockets: WebSocket[] = [];

  async connect(user: TestUser): Promise<EnginehouseClient> {
    const webSocket = (url: string, protocols: readonly string[], headers: Readonly<Record<string, string>>) => {
      const socket = new WebSocket(url, [...protocols], { headers });
      socket.on('message', (data) => this.texts.push(Buffer.isBuffer(data) ? data.toString('utf8') : ''));
      this.sockets.push(socket);
      return socket;
    };
    return connect({ url: await user.url(), token: () => user.token(), webSocket });
  }
}

test('S2: what real sockets received, with a drop in between and the same run twice, is the log', async () => {
  await using house = await TimelineHouse.open();
  const alice = house.user('alice');
  const watched = new Watched();
  await using client = await watched.connect(alice);
  const run = client.start('patient', {});
  for await (const { type } of run) if (type === 'tool_progress') break;

  watched.sockets[0]?.terminate();
  await using second = await watched.connect(alice);
  const again = second.run(run.id);
  for await (const { type } of again) if (type === 'tool_progress') break;
  await run.cancel('enough');
  await Promise.all([run.result, again.result]);
  const log = await house.log(alice.context(), run.id);

  expect(watched.sockets.length).toBeGreaterThanOrEqual(3);
  expect(eventsOfFrames(watched.texts)).toEqual(new Map([[run.id, log]]));
  expect(notInLog(watched.texts, new Map([[run.id, log]]))).toEqual([]);
});

test('a run that is not the user’s is told, whatever was said of it, and one that was deleted is not', () => {
  const texts = [
    frame('r1', log),
    '{"t":"end","s":"run:r2","seq":1,"status":"failed","n":1,"crc":"0"}',
    '{"t":"gap","s":"run:r3","e":"e","oldest":1,"why":"epoch"}',
    '{"t":"hb","at":1,"head":{"run:r4":3}}',
    '{"t":"ready","streams":{"run:r5":{"epoch":"e","head":1,"resumed":true}}}',
    '{"t":"res","id":"c1","ok":true,"at":{"s":"run:r6","seq":1}}',
  ];
  const runs = ['r1', 'r2', 'r3', 'r4', 'r5', 'r6'];

  expect(notInLog(texts, new Map())).toEqual(runs.map((run) => `run ${run} was told of, which is no run of this user`));
  expect(notInLog(texts, new Map(runs.map((run) => [run, undefined])))).toEqual([]);
  expect(notInLog(['{"t":"err","s":"run:r1","err":{"code":"NOT_FOUND"}}'], new Map())).toEqual([]);
});

test('a part of the log is what the log holds, and anything else is not', () => {
  const wrongData = log.map((event) => (event.seq === 3 ? written(accepted, started, says('lo'))[2] : event));
  const logs = new Map([['r1', log]]);

  expect(notInLog([frame('r1', log.slice(1, 4))], logs)).toEqual([]);
  expect(notInLog([frame('r1', defined(wrongData))], logs)).toEqual([
    'event 3 of run r1 was received as [3,"message_delta",1763800000002,{"delta":"lo","message":"answer"}], ' +
      'and its log has [3,"tool_executing",1763800000002,{"call":"a#0","input":{},"step":0,"tool":"a"}]',
  ]);
  expect(notInLog([frame('r1', log.slice(0, 2)), frame('r1', log.slice(4))], logs)).toEqual([
    'of run r1 events 3 to 4 were not received, and later ones were',
  ]);
  expect(notInLog([frame('r1', log)], new Map([['r1', log.slice(0, 4)]]))).toEqual([
    'event 5, agent_completed, of run r1 was received, and its log has 4',
  ]);
});

test('one socket may begin behind the place where another one ended, and goes over nothing itself', () => {
  const logs = new Map([['r1', log]]);
  const texts = [frame('r1', log.slice(0, 2)), frame('r1', log.slice(3)), frame('r1', log.slice(4))];

  expect(notInLog(texts, logs, (place) => [1, 2, 2][place] ?? 0)).toEqual([]);
  expect(notInLog(texts, logs, (place) => [1, 2, 1][place] ?? 0)).toEqual([
    'of run r1 events 3 to 3 were not received, and later ones were',
  ]);
});

test('S1: two that differ under one number are both seen', () => {
  const other = log.map((event) => ({ ...event, at: event.at + 1 }));

  expect(eventsOfFrames([frame('r1', log), frame('r1', log)]).get('r1')).toEqual(log);
  expect(eventsOfFrames([frame('r1', log), frame('r1', other)]).get('r1')).toHaveLength(2 * log.length);
});

test('an end that is not the log’s is told, and so is what is no frame', () => {
  const { crc } = foldOf(log);
  const end = { t: 'end', s: 'run:r1', seq: 5, status: 'completed', n: 5, crc: crcText(crc) };
  const logs = new Map([['r1', log]]);
  const wrong = (change: object): readonly string[] => notInLog([JSON.stringify({ ...end, ...change })], logs);

  expect(wrong({})).toEqual([]);
  for (const change of [{ seq: 4 }, { n: 4 }, { status: 'failed' }, { crc: '00000000' }])
    expect(wrong(change)).toHaveLength(1);
  expect(
    notInLog(
      [
        'nonsense',
        '{"t":"hb"}',
        '{"t":"ready"}',
        '{"t":"res","id":"c"}',
        '{"t":"end"}',
        '{"t":"ev","s":"run:r1"}',
        '{"t":"ev","s":"x","from":1,"at":1,"ev":[1]}',
        '7',
      ],
      logs,
    ),
  ).toHaveLength(8);
});

test('greetings, heartbeats and refusals tell nothing; events, ends, answers and strangers do', () => {
  const nothing = [
    { t: 'ready', v: 1, sid: 's', hb: 1, maxFrame: 1, window: 1, user: 'bob', streams: {} },
    { t: 'hb', at: 1, head: {} },
    { t: 'pong', n: 1 },
    { t: 'drain', in: [1, 2], why: 'restart' },
    { t: 'err', s: 'run:r1', err: { code: 'NOT_FOUND' } },
    { t: 'res', id: 'c1', ok: false, err: { code: 'NOT_FOUND' } },
  ].map((each) => JSON.stringify(each));
  const something = [
    frame('r1', log),
    '{"t":"gap","s":"run:r1","e":"e","oldest":1,"why":"epoch"}',
    '{"t":"end","s":"run:r1","seq":1,"status":"failed","n":1,"crc":"0"}',
    '{"t":"res","id":"c1","ok":true,"at":{"s":"run:r1","seq":1}}',
    '{"t":"hb","at":1,"head":{"run:r1":3}}',
    '{"t":"ready","streams":{"run:r1":{"epoch":"e","head":1,"resumed":true}}}',
    '{"t":"whatever"}',
    'not a frame',
  ];

  expect(tellingFrames([...nothing, ...something])).toEqual(something);
});

const log: readonly AgentEvent[] = written(accepted, started, begins('a#0'), ends('a#0'), completed);

function frame(run: string, events: readonly AgentEvent[]): string {
  const at = events[0]?.at ?? 0;
  return JSON.stringify({
    t: 'ev',
    s: `run:${run}`,
    e: 'epoch',
    from: events[0]?.seq,
    at,
    ev: events.map((event) => packEvent(event, at)),
  });
}

function defined(events: readonly (AgentEvent | undefined)[]): readonly AgentEvent[] {
  return events.filter((event) => event !== undefined);
}
