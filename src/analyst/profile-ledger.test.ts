import { expect, test } from 'vitest';

import { analyse, reportOf, upload } from '../../test/support/analyst-house.ts';
import { ownAnalystHouse } from '../../test/support/own-analyst-house.ts';

const HOURS = 6_000;
const START = Date.UTC(2026, 0, 1);

/** More hours and models than one page of either: every request has an hour and a model of its own. */
function wideLedger(): string {
  const rows = Array.from({ length: HOURS }, (_, at) => `${START + at * 3_600_000},model-${at % 5_500},10,${at}\n`);
  return `time,model,input_tokens,output_tokens\n${rows.join('')}`;
}

test('a ledger of more hours and models than a page has all of them in its report', async () => {
  await using runtime = await ownAnalystHouse();
  const artifact = await upload(runtime, 'ada', 'wide.csv', wideLedger());

  const report = await reportOf(runtime, 'ada', await analyse(runtime, 'ada', { artifact }));

  expect(report.perHour).toHaveLength(HOURS);
  expect(report.perHour.at(0)).toEqual({ hour: '2026-01-01T00:00:00Z', requests: 1, inputTokens: 10, outputTokens: 0 });
  expect(report.perHour.at(-1)).toEqual({
    hour: '2026-09-07T23:00:00Z',
    requests: 1,
    inputTokens: 10,
    outputTokens: 5_999,
  });
  expect(report.cost.unpriced).toMatchObject({ requests: HOURS, modelCount: 5_500 });
  expect(report.percentiles.outputTokens).toEqual({ p50: 2_999, p90: 5_399, p95: 5_699, p99: 5_939, max: 5_999 });
});

test('percentiles of one request are that request', async () => {
  await using runtime = await ownAnalystHouse();
  const artifact = await upload(runtime, 'ada', 'one.csv', 'time,input_tokens,output_tokens\n2026-01-01,7,0\n');

  const report = await reportOf(runtime, 'ada', await analyse(runtime, 'ada', { artifact }));

  expect(report.percentiles).toEqual({
    inputTokens: { p50: 7, p90: 7, p95: 7, p99: 7, max: 7 },
    outputTokens: { p50: 0, p90: 0, p95: 0, p99: 0, max: 0 },
  });
});

test('what answers have beyond the 95th percentile is added up over all models', async () => {
  await using runtime = await ownAnalystHouse();
  const rows = Array.from(
    { length: HOURS },
    (_, at) => `${START},${at < 5_900 ? '' : `openai-${at}/gpt-4o`},1,${at}\n`,
  );
  const artifact = await upload(runtime, 'ada', 'long.csv', `time,model,input_tokens,output_tokens\n${rows.join('')}`);

  const report = await reportOf(runtime, 'ada', await analyse(runtime, 'ada', { artifact }));

  // 300 requests are 1 to 300 tokens beyond it, at $10 per million.
  expect(report.whatIf.find(({ name }) => name === 'shorter-answers')).toMatchObject({
    parameters: { capTokens: 5_699 },
    savingMicroUsd: (300 * 301 * 10) / 2,
  });
});
