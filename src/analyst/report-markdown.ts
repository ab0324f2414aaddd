/** The report for a person: the same figures as report.json, as Markdown tables. */

import type { Percentiles } from './findings.ts';
import { grouped, usd } from './money.ts';
import type { Report, ReportHour } from './report.ts';

/** Hours that are shown; a longer ledger shows its busiest and leaves the rest to report.json. */
const HOURS_SHOWN = 48;
const BAR_CELLS = 20;

export function reportMarkdown(report: Report, file: string): string {
  const sections = [
    overview(report, file),
    tokens(report),
    hours(report),
    cost(report),
    savings(report),
    badRows(report),
    method(report),
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function overview(report: Report, file: string): string[] {
  return [
    `# Usage report: ${text(file)}`,
    '',
    `${grouped(report.requests)} requests from ${report.from} to ${report.to}.`,
    '',
    ...table(
      ['', 'tokens', 'per request'],
      [
        ['input', grouped(report.inputTokens), grouped(Math.round(report.inputTokens / report.requests))],
        ['output', grouped(report.outputTokens), grouped(Math.round(report.outputTokens / report.requests))],
      ],
    ),
  ];
}

function tokens({ percentiles }: Report): string[] {
  const row = (name: string, { p50, p90, p95, p99, max }: Percentiles): string[] => [
    name,
    ...[p50, p90, p95, p99, max].map(grouped),
  ];
  return [
    '## Tokens of one request',
    '',
    'Half of the requests have at most as many tokens as p50 says, 90 % at most p90, and so on.',
    '',
    ...table(
      ['', 'p50', 'p90', 'p95', 'p99', 'max'],
      [row('input', percentiles.inputTokens), row('output', percentiles.outputTokens)],
    ),
  ];
}

function hours({ perHour }: Report): string[] {
  const total = (hour: ReportHour): number => hour.inputTokens + hour.outputTokens;
  const all = perHour.length <= HOURS_SHOWN;
  const shown = all ? perHour : perHour.toSorted((left, right) => total(right) - total(left)).slice(0, HOURS_SHOWN);
  const most = shown.reduce((top, hour) => Math.max(top, total(hour)), 1);
  const rows = shown.map((hour) => [
    hour.hour,
    grouped(hour.requests),
    grouped(hour.inputTokens),
    grouped(hour.outputTokens),
    '█'.repeat(Math.ceil((total(hour) / most) * BAR_CELLS)),
  ]);
  return [
    '## Hours (UTC)',
    '',
    ...(all
      ? []
      : [`The ${HOURS_SHOWN} hours with most tokens of ${grouped(perHour.length)}; report.json has all.`, '']),
    ...table(['hour', 'requests', 'input tokens', 'output tokens', 'tokens'], rows),
  ];
}

function cost({ cost: { basis, models, unpriced, costliestHours, ...sums } }: Report): string[] {
  const rows = models.map(({ price, whatIf, ...model }) => [
    `${text(price.model)}${whatIf ? ' (what-if)' : ''}`,
    grouped(model.requests),
    `${usd(price.inputMicroUsdPerMillion)} / ${usd(price.outputMicroUsdPerMillion)}`,
    price.asOf,
    usd(model.inputMicroUsd),
    usd(model.outputMicroUsd),
    usd(model.totalMicroUsd),
  ]);
  const total = ['all', '', '', '', usd(sums.inputMicroUsd), usd(sums.outputMicroUsd), usd(sums.totalMicroUsd)];
  const sources = [...new Set(models.map(({ price }) => price.source))];
  return [
    '## Cost',
    '',
    text(basis),
    '',
    ...table(
      ['model', 'requests', 'price per million (in / out)', 'as of', 'input', 'output', 'cost'],
      [...rows, total],
    ),
    ...(sources.length === 0 ? [] : ['', `Prices: ${sources.map(text).join('; ')}.`]),
    ...(unpriced.requests === 0
      ? []
      : [
          '',
          `Not priced: ${grouped(unpriced.requests)} requests of ${grouped(unpriced.modelCount)} models, for instance ${unpriced.models.slice(0, 5).map(text).join(', ')}.`,
        ]),
    ...(costliestHours.length === 0
      ? []
      : [
          '',
          'Costliest hours:',
          '',
          ...table(
            ['hour', 'requests', 'cost'],
            costliestHours.map((hour) => [hour.hour, grouped(hour.requests), usd(hour.totalMicroUsd)]),
          ),
        ]),
  ];
}

function savings({ whatIf }: Report): string[] {
  return [
    '## What if',
    '',
    'These are assumptions with their arithmetic, not findings: the ledger does not say what is in a request. They do not add up, because each is taken alone.',
    '',
    ...table(
      ['what', 'assumed', 'arithmetic', 'saving'],
      whatIf.map((idea) => [text(idea.title), text(idea.assumption), text(idea.arithmetic), usd(idea.savingMicroUsd)]),
    ),
  ];
}

function badRows({ badRows: { count, first } }: Report): string[] {
  if (count === 0) return ['## Rows left out', '', 'None.'];
  return [
    '## Rows left out',
    '',
    `${grouped(count)} rows could not be read and are in no figure above${count > first.length ? `; the first ${first.length}:` : ':'}`,
    '',
    ...table(
      ['line', 'why', 'found'],
      first.map((row) => [grouped(row.line), text(row.reason), text(row.value)]),
    ),
  ];
}

function method({ ledger, generatedFrom }: Report): string[] {
  const { time, inputTokens, outputTokens, model } = ledger.columns;
  const named = (names: readonly string[]): string => names.map(text).join(', ');
  return [
    '## How it was made',
    '',
    `- Ledger: ${ledger.format.toUpperCase()}, ${grouped(ledger.bytes)} bytes, SHA-256 \`${generatedFrom.sha256}\`.`,
    `- Columns: time from ${named(time)}; input tokens from ${named(inputTokens)}; output tokens from ${named(outputTokens)}; ${
      model.length === 0 ? 'no column names a model' : `model from ${named(model)}`
    }.`,
    '- Times without a zone are read as UTC. Percentiles are exact, by nearest rank. Amounts are rounded for reading; report.json has whole micro-USD.',
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

/** Text from a ledger as it stands: nothing in it is Markdown or HTML. */
function text(value: string): string {
  return value
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll(/[\\`*_[\]|~#]/g, String.raw`\$&`);
}
