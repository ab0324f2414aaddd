/** Each defect on a real runtime, over real sockets: it does the harm that it says, and says that it did. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { z } from 'zod';

import { defineAgent } from '../../agent/define-agent.ts';
import { systemClock } from '../../base/clock.ts';
import { connect, type EnginehouseClient } from '../../client/index.ts';
import { runId, userId } from '../../context/ids.ts';
import { UserExecutionContext } from '../../context/user-execution-context.ts';
import { DEFECTS as KNOWN_TO_COMMAND } from '../../cli/testkit/defects.ts';
import { signToken } from '../../server/token.ts';
import type { Seams } from '../../startup/config.ts';
import { configureExecutionEngineFactory, getExecutionEngineFactory } from '../../startup/pointer.ts';
import type { EnginehouseRuntime } from '../../startup/runtime.ts';
import { startup } from '../../startup/startup.ts';
import { tool } from '../../tool/tool.ts';
import { compareBoots } from '../parity/compare-boots.ts';
import { DEFECTS } from './defects.ts';
import { Sabotage } from './sabotage.ts';

const secret = 'a secret of at least thirty-two bytes';
const echo = tool({ description: 'Echoes.', inputSchema: z.unknown(), execute: (input) => input });
const agents = [
  defineAgent({ name: 'echo', tools: { echo }, run: ({ input, tools }) => tools.echo(input) }),
  defineAgent({
    name: 'waits',
    run: ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', reject)),
  }),
];
const migrations = { first: 'create table notes (text text)' };

let undo: AsyncDisposableStack | undefined;

afterEach(async () => {
  await undo?.disposeAsync();
  undo = undefined;
});

interface Broken {
  readonly runtime: EnginehouseRuntime;
  readonly sabotage: Sabotage;
  readonly said: readonly string[];
}

/** A runtime with one defect, mended and closed after the test. */
async function broken(name: string, seams: Seams = {}): Promise<Broken> {
  const said: string[] = [];
  undo = new AsyncDisposableStack();
  const sabotage = undo.use(new Sabotage(name, { report: (line) => void said.push(line) }));
  const runtime = undo.use(
    await startup(
      {
        agents,
        database: { migrations },
        store: { path: ':memory:' },
        server: { port: 0 },
        auth: { secret },
        log: 'silent',
        limits: { drainTimeoutMs: 200, cancelGraceMs: 50 },
      },
      { env: {}, seams: sabotage.seams(seams) },
    ),
  );
  sabotage.applyTo(runtime);
  return { runtime, sabotage, said };
}

/** A client of a user, and every text that its socket gets. */
async function clientOf({ runtime }: Broken, name: string): Promise<{ client: EnginehouseClient; frames: string[] }> {
  const frames: string[] = [];
  const claims = {
    userId: userId(name),
    tenantId: undefined,
    roles: ['user'],
    expiresInMs: 60_000,
    tenantClaim: undefined,
  };
  const client = connect({
    url: runtime.address?.url ?? '',
    token: () => signToken(secret, claims, systemClock),
    webSocket: (url, protocols, headers) => {
      const socket = new WebSocket(url, [...protocols], { headers });
      socket.on('message', (data) => frames.push(Buffer.isBuffer(data) ? data.toString() : ''));
      return socket;
    },
  });
  undo?.defer(() => client.close());
  return { client, frames };
}

const context = (user: string, run = `run-of-${user}`): UserExecutionContext =>
  UserExecutionContext.fromRequest({ userId: user, threadId: 't', runId: run });

test('the command knows the same defects', () => {
  expect(KNOWN_TO_COMMAND.map(({ name }) => name)).toEqual([...DEFECTS.keys()]);
});

test('a runtime boots and serves under every defect', async () => {
  for (const name of DEFECTS.keys()) {
    const house = await broken(name);
    const { client } = await clientOf(house, 'verifier-1');
    expect(await client.start('echo', name).result, name).toMatchObject({ status: 'completed', result: name });
    expect(house.said[0], name).toBe('planted');
    await undo?.disposeAsync();
  }
});

test('broadcast-emitter: a socket gets the events of another user', async () => {
  const house = await broken('broadcast-emitter');
  const [alice, bob] = [await clientOf(house, 'alice'), await clientOf(house, 'bob')];
  await bob.client.start('echo', 'his').result;

  await alice.client.start('echo', 'hers').result;

  // Frames of one connection come in order: what was copied to his is there before what he asks for next.
  await bob.client.start('echo', 'his again').result;
  expect(bob.frames.filter((frame) => frame.includes('"hers"')).length).toBeGreaterThan(0);
  expect(house.said).toEqual(['planted', 'bit']);
});

test("shared-memory: a user's rows appear at another's", async () => {
  const house = await broken('shared-memory');
  await using alice = await house.runtime.factory.createForUser(context('alice'));
  await using bob = await house.runtime.factory.createForUser(context('bob'));

  await alice.databaseSessionManager.transaction((db) => db.insertInto('notes').values({ text: 'hers' }).execute());

  const his = await bob.databaseSessionManager.transaction((db) => db.selectFrom('notes').selectAll().execute());
  expect(his).toEqual([{ text: 'hers' }]);
  expect(house.sabotage.bites).toBe(2);
});

test('foreign-run: who knows the id of a run reads it', async () => {
  const house = await broken('foreign-run');
  const { client: alice } = await clientOf(house, 'alice');
  const { client: bob } = await clientOf(house, 'bob');
  await alice.start('echo', 'hers', { runId: 'known' }).result;
  await bob.start('echo', 'his', { runId: 'own' }).result;

  expect(await bob.run('known').result).toMatchObject({ result: 'hers' });
  expect(await bob.run('own').result).toMatchObject({ result: 'his' });
  await expect(bob.getRun('unknown')).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('pointer-not-reset: the accessor finds a runtime that is closed', async () => {
  const house = await broken('pointer-not-reset');
  using _pointer = configureExecutionEngineFactory(house.runtime);

  await house.runtime.close();

  expect(getExecutionEngineFactory()).toBe(house.runtime.factory);
  expect(() => configureExecutionEngineFactory(house.runtime)).toThrowError(
    expect.objectContaining({ code: 'FACTORY_ALREADY_CONFIGURED' }),
  );
});

test('skipped-phase: the boot goes without one, and parity tells', async () => {
  const house = await broken('skipped-phase');
  const { bootTrace } = house.runtime;
  await undo?.disposeAsync();
  const whole = await startup({ agents, store: { path: ':memory:' }, server: { port: 0 }, log: 'silent' }, { env: {} });
  await whole.close();

  expect(compareBoots(bootTrace, whole.bootTrace)).toEqual([
    'production runs the phase "readiness", the test does not',
  ]);
  expect(house.said).toEqual(['planted', 'bit']);
});

test('lost-terminal-event: a run has its result, and no end in the log', async () => {
  const house = await broken('lost-terminal-event');
  const alice = context('alice');
  await using engine = await house.runtime.factory.createForUser(alice);

  expect(await engine.executeAgent('echo', 1).result).toMatchObject({ status: 'completed' });

  const { log, runs } = house.runtime.store.for(alice);
  expect((await log.read(alice.runId, 0, 100)).at(-1)?.type).toBe('tool_completed');
  expect(await runs.get(alice.runId)).toMatchObject({ status: 'running' });
});

test('doubled-event: the outcome of a call is in the log twice, without a gap', async () => {
  const house = await broken('doubled-event');
  const { client } = await clientOf(house, 'alice');

  const events = await Array.fromAsync(client.start('echo', 1));

  expect(events.filter(({ type }) => type === 'tool_completed').length).toBe(2);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => at + 1));
});

test('lost-cancel: a run that was cancelled goes on', async () => {
  const house = await broken('lost-cancel');
  const { client } = await clientOf(house, 'alice');
  const run = client.start('waits', null);
  for await (const { type } of run) if (type === 'agent_started') break;

  await run.cancel('enough').catch(() => undefined);

  expect(house.sabotage.bites).toBe(1);
  expect(await client.getRun(run.id)).toMatchObject({ status: 'running' });
});

test('committed-failure: what a failed transaction wrote is there', async () => {
  const house = await broken('committed-failure');
  await using engine = await house.runtime.factory.createForUser(context('alice'));
  const { databaseSessionManager: database } = engine;
  const broke = new Error('broke');

  const failing = database.transaction(async (db) => {
    await db.insertInto('notes').values({ text: 'half' }).execute();
    throw broke;
  });

  await expect(failing).rejects.toBe(broke);
  expect(await database.transaction((db) => db.selectFrom('notes').selectAll().execute())).toEqual([{ text: 'half' }]);
});

test('undisposed-engine: an engine of a door is open after the runtime was closed, one of a caller is not', async () => {
  const house = await broken('undisposed-engine');
  const { runtime } = house;
  await using engine = await runtime.factory.createForUser(context('bob'));
  await engine.executeAgent('echo', 1).result;
  const { client } = await clientOf(house, 'alice');
  await client.start('echo', 2).result;
  await client.close();

  await runtime.close();

  expect(runtime.resources.remaining().map(({ kind, owner }) => [kind, owner])).toEqual([['engine', 'alice']]);
});

test('a defect is below what the kit puts around a part', async () => {
  const seen: string[] = [];
  const house = await broken('lost-terminal-event', {
    aroundStore: (store) => {
      seen.push(store.description);
      return store;
    },
  });
  const alice = context('alice');
  await using engine = await house.runtime.factory.createForUser(alice);
  await engine.executeAgent('echo', 1).result;

  expect(seen.length).toBe(1);
  expect(await house.runtime.store.for(alice).log.head(runId(alice.runId))).toMatchObject({ status: 'running' });
});

test('what a defect broke for the process is whole once it is disposed', async () => {
  for (const name of ['skipped-phase', 'undisposed-engine', 'broadcast-emitter']) new Sabotage(name)[Symbol.dispose]();

  await using whole = await startup(
    { agents, store: { path: ':memory:' }, server: { port: 0 }, log: 'silent' },
    { env: {} },
  );

  expect(whole.bootTrace.phases.at(-1)?.phase).toBe('readiness');
});

test('the environment plants one, loudly, and its report says that it was planted', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'enginehouse-sabotage-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const report = join(folder, 'report');
  const door = JSON.stringify(new URL('./sabotage.ts', import.meta.url).href);
  const asks = `const { sabotageFromEnv } = await import(${door});
    sabotageFromEnv()?.seams({}); console.log(sabotageFromEnv() === sabotageFromEnv(), sabotageFromEnv()?.name);`;
  const ask = async (sabotage: string): Promise<{ said: string; exitCode: unknown }> => {
    const env = { ENGINEHOUSE_SABOTAGE: sabotage, ENGINEHOUSE_SABOTAGE_REPORT: report };
    const child = spawn(process.execPath, ['--input-type=module', '-e', asks], { env, timeout: 25_000 });
    let said = '';
    child.stdout.on('data', (text) => (said += text));
    child.stderr.on('data', (text) => (said += text));
    const [exitCode] = (await once(child, 'close')) as unknown[];
    return { said, exitCode };
  };

  expect(await ask('')).toEqual({ said: 'true undefined\n', exitCode: 0 });
  expect(await ask('shared-memory')).toEqual({
    said: expect.stringMatching(/^enginehouse: SABOTAGE: .+ the defect shared-memory; .+\ntrue shared-memory\n$/),
    exitCode: 0,
  });
  expect(await readFile(report, 'utf8')).toBe('planted\n');
  expect(await ask('no-such')).toMatchObject({ said: expect.stringContaining('CONFIG_INVALID'), exitCode: 1 });
  expect(() => new Sabotage('no-such')).toThrowError(
    expect.objectContaining({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/^ENGINEHOUSE_SABOTAGE must be one of broadcast-emitter, .+, got "no-such"$/),
    }),
  );
});
