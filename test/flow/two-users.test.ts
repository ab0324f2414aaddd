import { z } from 'zod';

import { defineAgent } from '../../src/agent/define-agent.ts';
import { isEnginehouseError } from '../../src/base/errors.ts';
import { runId } from '../../src/context/ids.ts';
import { ExecutionEngineFactoryTestManager, expect, test, type TestUser } from '../../src/testing/vitest/index.ts';
import { tool } from '../../src/tool/tool.ts';
import { checkRunLog } from '../support/invariants.ts';
import { Moments, untilAborted } from '../support/moments.ts';

const moments = new Moments();
const SECRET = 'otter-7731';

const remember = tool({
  description: 'Writes a row of the user.',
  inputSchema: z.object({ secret: z.string() }),
  execute: ({ secret }, { database }) =>
    database.transaction(async (db) => {
      await db.insertInto('notes').values({ text: secret }).execute();
      return (await db.selectFrom('notes').selectAll().execute()).length;
    }),
});

const agents = [
  defineAgent({
    name: 'keeper',
    inputSchema: z.object({ secret: z.string(), stay: z.boolean().optional() }),
    tools: { remember },
    run: async ({ input, tools, say, artifacts, signal, user }) => {
      await say(`the secret is ${input.secret}`);
      const { artifactId } = await artifacts.create(input.secret, { title: 'secret.txt' });
      const rows = await tools.remember({ secret: input.secret });
      moments.tell(`${user.userId} keeps`, artifactId);
      if (input.stay === true) await untilAborted(signal);
      return { artifactId, rows };
    },
  }),
];

test.override('runtimeOptions', {
  config: { agents, database: { migrations: { '001': 'CREATE TABLE notes (text TEXT NOT NULL)' } } },
});

/** Alice's run, which goes on. */
async function hers(alice: TestUser): Promise<{ readonly id: string; readonly artifact: string }> {
  const client = await alice.client();
  const run = client.start('keeper', { secret: SECRET, stay: true }, { threadId: 'thread of alice' });
  run.result.catch(() => undefined);
  return { id: run.id, artifact: String(await moments.of(`${alice.id} keeps`)) };
}

const without = (text: string, ...ids: readonly string[]): string =>
  ids.reduce((left, id) => left.replaceAll(id, '…'), text).replace(/"ref":"\w+"/g, '');

test('over HTTP, what is hers is to him what does not exist', async ({ alice, bob }) => {
  const { id, artifact } = await hers(alice);
  const doors: readonly (readonly [path: string, id: string, init?: RequestInit])[] = [
    ['/api/runs/:id', id],
    ['/api/runs/:id/events', id],
    ['/api/runs/:id/events?after=1', id],
    ['/api/runs/:id/cancel', id, { method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json' } }],
    ['/api/artifacts/:id', artifact],
    ['/api/artifacts/:id', artifact, { method: 'DELETE' }],
    ['/api/artifacts?run=:id', id],
  ];

  for (const [path, known, init] of doors) {
    const unknown = crypto.randomUUID();
    const [foreign, absent] = [
      await bob.fetch(path.replace(':id', known), init),
      await bob.fetch(path.replace(':id', unknown), init),
    ];
    expect(foreign.status, path).toBe(absent.status);
    expect(without(await foreign.text(), known), path).toBe(without(await absent.text(), unknown));
  }
  for (const path of ['/api/runs', '/api/artifacts', '/api/runs?thread=thread%20of%20alice']) {
    const answer = await (await bob.fetch(path)).text();
    expect(answer).not.toContain(id);
    expect(answer).not.toContain(artifact);
    expect(answer).not.toContain(SECRET);
  }
  expect(await (await alice.fetch(`/api/artifacts/${artifact}`)).text()).toBe(SECRET);
  expect(await (await alice.fetch(`/api/runs/${id}`)).json()).toMatchObject({ status: 'running' });
});

test('over sockets, he can neither follow, cancel nor take over what is hers', async ({ alice, bob, runtime }) => {
  const { id } = await hers(alice);
  const client = await bob.client();

  await expect(Array.fromAsync(client.run(id))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(client.run(id).cancel('mischief')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(client.getRun(id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(client.events(id)).rejects.toMatchObject({ code: 'NOT_FOUND' });

  // The same id is another run: his own, with his own rows.
  const his = client.start('keeper', { secret: 'his' }, { runId: id });
  const events = await Array.fromAsync(his);
  checkRunLog(events);
  expect(await his.result).toMatchObject({ status: 'completed', result: { rows: 1 } });
  expect(JSON.stringify(events)).not.toContain(SECRET);
  const context = alice.context({ runId: id });
  expect(JSON.stringify(await runtime.store.for(context).log.read(runId(id), 0, 100))).not.toContain('"his"');
});

test('in the process, a handle of his reads nothing of hers and writes nothing to it', async ({
  alice,
  bob,
  runtime,
}) => {
  const { id, artifact } = await hers(alice);
  const [mine, his] = [alice.context({ runId: id }), bob.context({ runId: id })];
  const { log, runs, leases, commands, artifacts, threads } = runtime.store.for(his);

  expect(await Array.fromAsync(runtime.bridge.follow(his, runId(id), 0))).toEqual([]);
  expect(await log.read(runId(id), 0, 100)).toEqual([]);
  expect([await log.head(runId(id)), await runs.get(runId(id)), await leases.take(runId(id), 'him')]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect([await artifacts.get(artifact), await artifacts.delete(artifact), await runs.delete(runId(id))]).toEqual([
    undefined,
    false,
    false,
  ]);
  expect([await artifacts.list(runId(id)), await threads.get(mine.threadId), await runs.list({ limit: 10 })]).toEqual([
    [],
    undefined,
    [],
  ]);
  await expect(
    commands.put({ commandId: 'c', runId: runId(id), op: 'run.cancel', args: '{}', at: 0 }),
  ).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const writer = runtime.bridge.createUserEmitter(his);
  await expect(writer.take()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(writer.emit('agent_completed', { result: 'his' })).rejects.toMatchObject({ code: 'CLOSED' });
  await writer.close();

  expect(await runtime.store.for(mine).runs.get(runId(id))).toMatchObject({ status: 'running' });
});

test('their rows are in two databases, whichever way they come to them', async ({
  executionEngineFactory: factory,
  alice,
  bob,
}) => {
  await using hers = await factory.createForUser(alice.context());
  await using his = await factory.createForUser(bob.context());
  await hers.executeAgent('keeper', { secret: SECRET }).result;

  const rows = (engine: typeof his): Promise<unknown> =>
    engine.databaseSessionManager.transaction((db) => db.selectFrom('notes').selectAll().execute());

  expect(await rows(his)).toEqual([]);
  expect(await rows(hers)).toEqual([{ text: SECRET }]);
});

test('a token opens one runtime, for one user', async ({ alice, runtime }) => {
  await using other = new ExecutionEngineFactoryTestManager({ config: { agents } });
  await other.initializeForTests();
  const url = runtime.address?.url ?? '';
  const ask = (token: string): Promise<number> =>
    fetch(`${url}/api/runs`, { headers: { Authorization: `Bearer ${token}` } }).then(({ status }) => status);
  const token = await alice.token();
  const [head = '', payload = '', signature = ''] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
  const forged = Buffer.from(JSON.stringify({ ...claims, sub: 'bob' })).toString('base64url');
  const none = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');

  expect(await ask(token)).toBe(200);
  for (const wrong of [
    '',
    'alice',
    `${head}.${forged}.${signature}`,
    `${none}.${payload}.`,
    await other.user('alice').token(),
  ]) {
    expect(await ask(wrong), wrong).toBe(401);
  }
});

test('an error tells a user of nobody else', async ({ executionEngineFactory: factory, alice, bob }) => {
  const { id } = await hers(alice);
  await using engine = await factory.createForUser(bob.context());

  const errors = [
    await engine.executeAgent('nobody', null).accepted.catch((error: unknown) => error),
    await factory
      .cancelRun(bob.context(), { commandId: 'c', runId: runId(id), reason: 'x', by: bob.id })
      .catch((error: unknown) => error),
  ];

  for (const error of errors) {
    expect(isEnginehouseError(error)).toBe(true);
    expect(JSON.stringify(error)).not.toContain(alice.id);
    expect(JSON.stringify(error)).not.toContain(SECRET);
  }
});
