import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

import { SAMPLES, sampleRequests } from '../../examples/ledgers/generate.ts';
import { analyse, artifactText, reportOf, resultOf, upload } from '../support/analyst-house.ts';
import { AZURE_TOTALS, AZURE_TRACE } from '../support/azure-trace.ts';
import { ownAnalystHouse } from '../support/own-analyst-house.ts';
import { testWith } from '../support/requirements.ts';

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

test('two users analyse a ledger each, and see nothing of each other', async () => {
  await using runtime = await ownAnalystHouse();
  const adas = await upload(runtime, 'ada', 'sample.csv', SAMPLES['sample.csv']);
  const bobs = await upload(runtime, 'bob', 'sample.jsonl', SAMPLES['sample.jsonl']);

  const [ada, bob] = await Promise.all([
    analyse(runtime, 'ada', { artifact: adas }),
    analyse(runtime, 'bob', { artifact: bobs }),
  ]);

  const expected = sampleRequests(2_000, 1);
  expect(resultOf(ada)).toEqual({
    requests: 2_000,
    inputTokens: sum(expected.map(({ input }) => input)),
    outputTokens: sum(expected.map(({ output }) => output)),
    from: new Date(expected[0]?.at ?? 0).toISOString(),
    to: new Date(expected.at(-1)?.at ?? 0).toISOString(),
    report: expect.any(String),
    markdown: expect.any(String),
  });
  expect(resultOf(bob)).toMatchObject({ requests: 50 });
  expect(await artifactText(runtime, 'bob', resultOf(ada).report)).toBe('');
  expect(await artifactText(runtime, 'ada', resultOf(bob).markdown)).toBe('');
  const stolen = await analyse(runtime, 'bob', { artifact: adas }, 'theft');
  expect(stolen.result).toMatchObject({ status: 'failed', error: { code: 'NOT_FOUND' } });
});

test('the report says what the columns prove, and prices each model that is named', async () => {
  await using runtime = await ownAnalystHouse();
  const artifact = await upload(runtime, 'ada', 'sample.csv', SAMPLES['sample.csv']);

  const analysis = await analyse(runtime, 'ada', { artifact });

  const report = await reportOf(runtime, 'ada', analysis);
  const inputs = sampleRequests(2_000, 1)
    .map(({ input }) => input)
    .toSorted((left, right) => left - right);
  expect(report.percentiles.inputTokens).toEqual({
    p50: inputs[999],
    p90: inputs[1_799],
    p95: inputs[1_899],
    p99: inputs[1_979],
    max: inputs[1_999],
  });
  expect(sum(report.perHour.map(({ requests }) => requests))).toBe(2_000);
  expect(report.perHour.map(({ hour }) => hour)).toEqual(report.perHour.map(({ hour }) => hour).toSorted());
  expect(report.cost.models.map(({ price, whatIf }) => [price.model, whatIf])).toEqual([
    ['claude-sonnet-4-5', false],
    ['gpt-4o', false],
    ['gpt-4.1-mini', false],
  ]);
  expect(report.cost.unpriced).toMatchObject({ models: ['our-own-llama'], modelCount: 1 });
  expect(report.badRows).toEqual({ count: 0, first: [] });
  expect(await artifactText(runtime, 'ada', resultOf(analysis).markdown)).toContain('# Usage report: sample.csv');
});

test('the events of a run name its four stations in their order', async () => {
  await using runtime = await ownAnalystHouse();
  const artifact = await upload(runtime, 'ada', 'sample.jsonl', SAMPLES['sample.jsonl']);

  const { events } = await analyse(runtime, 'ada', { artifact });

  expect(
    events.flatMap((event) => (event.type === 'subagent_completed' ? [[event.data.agent, event.data.outcome]] : [])),
  ).toEqual([
    ['analyst-triage', 'completed'],
    ['analyst-data', 'completed'],
    ['analyst-optimisation', 'completed'],
    ['analyst-report', 'completed'],
  ]);
  expect(events.at(-1)?.type).toBe('agent_completed');
});

test('the same ledger gives the same report, for whomever and however often', async () => {
  await using runtime = await ownAnalystHouse();
  const reports: string[] = [];
  for (const [userId, title, runId] of [
    ['ada', 'one.csv', 'first'],
    ['ada', 'two.csv', 'second'],
    ['bob', 'three.csv', 'third'],
  ] as const) {
    const artifact = await upload(runtime, userId, title, SAMPLES['sample.csv']);
    const analysis = await analyse(runtime, userId, { artifact }, runId);
    reports.push(await artifactText(runtime, userId, resultOf(analysis).report));
  }

  expect(new Set(reports).size).toBe(1);
});

test('rows that cannot be read are counted and named, and the others are analysed', async () => {
  await using runtime = await ownAnalystHouse();
  const bad = Array.from({ length: 25 }, (_, at) => `2026-09-14T10:00:00Z,gpt-4o,${at},many`);
  const artifact = await upload(runtime, 'ada', 'bad.csv', `${SAMPLES['sample.csv']}${bad.join('\n')}\n`);

  const analysis = await analyse(runtime, 'ada', { artifact });

  const { badRows, requests } = await reportOf(runtime, 'ada', analysis);
  expect(requests).toBe(2_000);
  expect(badRows.count).toBe(25);
  expect(badRows.first).toHaveLength(20);
  expect(badRows.first[0]).toEqual({
    line: 2_002,
    reason: 'output_tokens is not a whole number from 0 to 100000000',
    value: 'many',
  });
});

test.each([
  ['empty.csv', ''],
  ['letter.txt', 'Dear all,\nhere it is.\n'],
  ['picture.png', new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0])],
])('%s is refused as no ledger, by name', async (title, content) => {
  await using runtime = await ownAnalystHouse();
  const artifact = await upload(runtime, 'ada', title, content);

  const { result } = await analyse(runtime, 'ada', { artifact });

  expect(result).toMatchObject({ status: 'failed', error: { code: 'LEDGER_INVALID', details: { file: title } } });
});

test('a model without a price, and an input that is no artifact, are refused before the run', async () => {
  await using runtime = await ownAnalystHouse();

  await expect(analyse(runtime, 'ada', { artifact: 'a', model: 'gpt-99' })).rejects.toMatchObject({
    code: 'INPUT_INVALID',
  });
  await expect(analyse(runtime, 'ada', { file: 'a' })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
});

testWith(AZURE_TRACE, 'the Azure trace has the totals that are known of it', azureTotals);

async function azureTotals(trace: string): Promise<void> {
  await using runtime = await ownAnalystHouse();
  const artifact = await upload(runtime, 'ada', 'azure.csv', await readFile(trace));

  const analysis = await analyse(runtime, 'ada', { artifact, model: 'gpt-4.1' });

  expect(resultOf(analysis)).toMatchObject({
    ...AZURE_TOTALS,
    from: '2023-11-16T18:15:46.680Z',
    to: '2023-11-16T19:14:08.402Z',
  });
  const { cost } = await reportOf(runtime, 'ada', analysis);
  expect(cost.models).toMatchObject([{ price: { model: 'gpt-4.1' }, whatIf: true, requests: 19_366 }]);
  expect(cost.totalMicroUsd).toBe(22_361_870 * 2 + 4_088_665 * 8);
}
