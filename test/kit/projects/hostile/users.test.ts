import { connect } from '../../../../src/client/index.ts';
import { runId } from '../../../../src/context/ids.ts';
import { defineAgent } from '../../../../src/index.ts';
import { describe, expect, test as kit } from '../../../../src/testing/vitest/index.ts';
import { echo, patient } from '../agents.ts';

const counter = defineAgent({
  name: 'counter',
  run: async ({ input, think }) => {
    for (let nth = 0; nth < Number(input); nth += 1) await think(`${nth}`);
  },
});
const config = { agents: [echo, patient, counter] };
const test = kit.override('runtimeOptions', { config });

test('a user comes back with a cursor that was kept elsewhere', async ({ alice }) => {
  const run = (await alice.client()).start('counter', 30);
  let taken = 0;
  for await (const _event of run) if ((taken += 1) === 3) break;
  const epoch = run.cursor?.epoch ?? '';
  run.leave();
  await using elsewhere = connect({ url: await alice.url(), token: () => alice.token() });
  await elsewhere.run(run.id).result;

  const back = (await alice.connect()).run(run.id, { from: { epoch, after: 25 } });

  const seqs: number[] = [];
  for await (const { seq } of back) seqs.push(seq);
  expect(seqs[0]).toBe(26);
});

test('two users have a run of one id', async ({ timeline, alice, bob }) => {
  await (await alice.client()).start('echo', 'hers', { runId: 'same' }).result;
  await (await bob.client()).start('echo', 'his', { runId: 'same' }).result;

  expect(await timeline.text('same', bob)).toContain('"his"');
  await expect(timeline.of('same')).rejects.toThrow(
    `several users of the test have a run same: ${alice.id}, ${bob.id}`,
  );
});

describe.concurrent('at once on the shared runtime', () => {
  for (const nth of [1, 2, 3]) {
    test(`test ${nth} has a run of the same id`, async ({ sharedRuntime, timeline, alice }) => {
      expect(sharedRuntime.closed).toBe(false);
      await (await alice.client()).start('echo', `of ${nth}`, { runId: 'run-1' }).result;
      expect(timeline.runs).toEqual(['run-1']);
      expect(await timeline.text('run-1')).toContain(`"of ${nth}"`);
    });
  }
});

test('it deletes its run', async ({ store, alice, timeline }) => {
  const run = (await alice.client()).start('echo', 1);
  await run.result;
  expect(await store.for(alice.context()).runs.delete(runId(run.id))).toBe(true);
  expect(await timeline.of(run)).toEqual([]);
});

test('it leaves an event stream and a download open', async ({ sharedRuntime, alice }) => {
  expect(sharedRuntime.closed).toBe(false);
  const client = await alice.client();
  const run = client.start('patient', null);
  await run[Symbol.asyncIterator]().next();
  const headers = { accept: 'text/event-stream' };
  await (await alice.fetch(`/api/runs/${run.id}/events`, { headers })).body?.getReader().read();
  const content = new Blob([new Uint8Array(4_000_000)], { type: 'application/octet-stream' });
  const { artifactId } = await client.uploadArtifact(content, { kind: 'file', title: 'zeros' });
  expect((await client.artifact(artifactId)).status).toBe(200);
});

test('it awaits nothing that it begins', async ({ alice, bob, executionEngineFactory }) => {
  expect(executionEngineFactory).toBeDefined();
  const client = await alice.client();
  void client.start('patient', null).result;
  void alice.fetch('/api/agents');
  void alice.connect();
  void bob.connected();
});

describe('blamed', () => {
  test('it throws no error', ({ alice }) => {
    // oxlint-disable-next-line typescript/only-throw-error -- What is thrown by mistake is often none.
    throw `of ${alice.id}`;
  });

  test('it holds a model nowhere', ({ models }) => {
    models.hold('nobody');
  });
});

describe('a runtime that does not listen', () => {
  const deaf = kit.override('runtimeOptions', { config: { ...config, server: { listen: false } } });

  deaf('runs agents', async ({ executionEngineFactory: factory, alice }) => {
    await using engine = await factory.createForUser(alice.context());
    expect(await engine.executeAgent('echo', 1).result).toMatchObject({ result: 1 });
  });

  deaf('says that nobody can connect', async ({ alice }) => {
    await expect(alice.connect()).rejects.toThrow('does not listen');
  });
});

describe('a claim of its own for tenants', () => {
  const claimed = kit.override('runtimeOptions', { config: { ...config, auth: { tenantClaim: 'org' } } });

  claimed('is signed and read', async ({ alice, runtime }) => {
    await using client = connect({ url: await alice.url(), token: () => alice.token({ tenantId: 'acme' }) });
    const run = client.start('echo', 1);
    await run.result;
    expect(await runtime.store.for(alice.context({ tenantId: 'acme' })).runs.get(runId(run.id))).toBeDefined();
  });
});
