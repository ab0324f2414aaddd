import { expect, test } from 'vitest';

import { PriceBook, priceHours } from './cost.ts';
import type { HourOfModel } from './profile-ledger.ts';
import { priceOf } from './prices.ts';
import { buildReport, reportJson, type Report } from './report.ts';
import { reportMarkdown } from './report-markdown.ts';

const HOURS: readonly HourOfModel[] = [
  { hour: 472_000, model: '', requests: 1, inputTokens: 10, outputTokens: 20 },
  { hour: 472_000, model: 'gpt-4o', requests: 2, inputTokens: 30, outputTokens: 40 },
  { hour: 472_002, model: 'llama|<b>', requests: 3, inputTokens: 50, outputTokens: 60 },
];

async function sample(hours: readonly HourOfModel[] = HOURS): Promise<Report> {
  const price = priceOf('gpt-4o');
  if (price === undefined) throw new Error('no price');
  const percentiles = { p50: 1, p90: 2, p95: 3, p99: 4, max: 5 };
  return buildReport(
    {
      ledger: {
        digest: 'ab'.repeat(32),
        format: 'csv',
        columns: { time: ['time'], inputTokens: ['input_tokens'], outputTokens: ['output_tokens'], model: ['model'] },
        bytes: 1_234,
        badRows: { count: 21, first: [{ line: 7, reason: 'time is empty', value: '<img src=x> | `*_[a](b)' }] },
      },
      profile: {
        requests: 6,
        inputTokens: 90,
        outputTokens: 120,
        from: '2023-11-06T16:00:00.000Z',
        to: '2023-11-06T18:00:00.000Z',
        percentiles: { inputTokens: percentiles, outputTokens: percentiles },
      },
      cost: await priceHours(hours, new PriceBook(price)),
      whatIf: [],
    },
    hours,
  );
}

test('the report has exactly its fields, in order, and hours are added up over models', async () => {
  const report = await sample();

  expect(Object.keys(report)).toEqual([
    'requests',
    'inputTokens',
    'outputTokens',
    'from',
    'to',
    'percentiles',
    'perHour',
    'cost',
    'badRows',
    'whatIf',
    'ledger',
    'generatedFrom',
  ]);
  expect(report.perHour).toEqual([
    { hour: '2023-11-05T16:00:00Z', requests: 3, inputTokens: 40, outputTokens: 60 },
    { hour: '2023-11-05T18:00:00Z', requests: 3, inputTokens: 50, outputTokens: 60 },
  ]);
  expect(report.ledger).toEqual({
    format: 'csv',
    columns: { time: ['time'], inputTokens: ['input_tokens'], outputTokens: ['output_tokens'], model: ['model'] },
    bytes: 1_234,
  });
  expect(report.generatedFrom).toEqual({ sha256: 'ab'.repeat(32), reader: 1 });
});

test('the same findings give the same bytes', async () => {
  const json = reportJson(await sample());

  expect(reportJson(await sample())).toBe(json);
  expect(JSON.parse(json)).toEqual(await sample());
  expect(json.endsWith('}\n')).toBe(true);
});

test('nothing from a ledger is Markdown or HTML in the report for a person', async () => {
  const markdown = reportMarkdown(await sample(), 'a|b\n# <script>.csv');

  expect(markdown.startsWith(String.raw`# Usage report: a\|b \# &lt;script>.csv`)).toBe(true);
  expect(markdown).toContain(String.raw`| 7 | time is empty | &lt;img src=x> \| \`\*\_\[a\](b) |`);
  expect(markdown).toContain(String.raw`for instance llama\|&lt;b>.`);
  expect(markdown).not.toMatch(/<(?!$)/);
});

test('a long ledger shows its busiest hours and says so', async () => {
  const hours = Array.from({ length: 60 }, (_, at) => ({
    hour: 472_000 + at,
    model: '',
    requests: 1,
    inputTokens: at,
    outputTokens: 0,
  }));

  const markdown = reportMarkdown(await sample(hours), 'long.csv');

  expect(markdown).toContain('The 48 hours with most tokens of 60; report.json has all.');
  expect(markdown.match(/█+ \|$/gm)?.length).toBe(48);
});
