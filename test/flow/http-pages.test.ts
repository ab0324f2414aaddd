import { defineAgent } from '../../src/agent/define-agent.ts';
import { expect, test } from '../../src/testing/vitest/index.ts';

const quick = defineAgent({ name: 'quick', run: () => 1 });

test.override('runtimeOptions', { config: { agents: [quick] }, limits: { pageSize: 2 } });

test('a listing comes in pages of at most limits.pageSize, and asking for more is refused', async ({ alice }) => {
  const client = await alice.client();
  for (const runId of ['r1', 'r2', 'r3']) await client.start('quick', null, { runId }).result;

  const first = (await (await alice.fetch('/api/runs')).json()) as { runs: { runId: string }[]; next: string };
  const second = (await (
    await alice.fetch(`/api/runs?cursor=${encodeURIComponent(first.next)}`)
  ).json()) as typeof first;
  const greedy = await alice.fetch('/api/runs?limit=3');

  expect(first.runs.map(({ runId }) => runId)).toEqual(['r3', 'r2']);
  expect(second.runs.map(({ runId }) => runId)).toEqual(['r1']);
  expect([greedy.status, await greedy.json()]).toEqual([400, expect.objectContaining({ code: 'REQUEST_INVALID' })]);
});
