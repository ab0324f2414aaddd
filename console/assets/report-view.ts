/** The report as tables: what the columns prove first, what is assumed after it and marked as such. */

import { element } from './dom.ts';
import { bytes, usd, utc, whole } from './format.ts';
import type { Hour, Percentiles, Report } from './report.ts';
import { table, type Column } from './table.ts';

/** Hours that are shown; of a longer ledger the busiest. The files have all. */
const HOURS_SHOWN = 72;

export interface ReportFiles {
  readonly summary: string;
  readonly json: string;
  readonly markdown: string;
}

export function reportView(report: Report, files: ReportFiles): readonly Node[] {
  return [
    element('h2', { id: 'report-title', tabindex: '-1' }, 'Report'),
    figures(report),
    files.summary === '' ? undefined : element('p', { class: 'lead' }, files.summary),
    downloads(files),
    ...costs(report),
    ...tokens(report),
    ...hours(report),
    ...savings(report),
    ...badRows(report),
    method(report),
  ].filter((part) => part !== undefined);
}

function figures({ requests, inputTokens, outputTokens, cost, from, to }: Report): HTMLElement {
  const assumed = cost.models.some(({ whatIf }) => whatIf);
  const figure = (name: string, value: string, note?: string): HTMLElement =>
    element(
      'div',
      {},
      element('dt', {}, name),
      element('dd', {}, value, note === undefined ? undefined : element('small', {}, note)),
    );
  return element(
    'dl',
    { class: 'figures-row' },
    figure('requests', whole(requests), `${utc(from)} to ${utc(to)} UTC`),
    figure('input tokens', whole(inputTokens), `${whole(Math.round(inputTokens / requests))} per request`),
    figure('output tokens', whole(outputTokens), `${whole(Math.round(outputTokens / requests))} per request`),
    figure(
      'cost',
      usd(cost.totalMicroUsd),
      assumed ? 'what-if: the price is assumed' : `${usd(cost.totalMicroUsd / requests)} per request`,
    ),
  );
}

function downloads({ json, markdown }: ReportFiles): HTMLElement {
  const link = (id: string, name: string): HTMLElement =>
    element('a', { href: `/api/artifacts/${encodeURIComponent(id)}`, download: name }, name);
  return element(
    'p',
    { class: 'downloads' },
    'Download ',
    link(markdown, 'report.md'),
    ' or ',
    link(json, 'report.json'),
  );
}

function costs({ cost }: Report): readonly Node[] {
  const columns: Column[] = [
    { title: 'model' },
    { title: 'requests', figures: true },
    { title: 'price per million, in / out', figures: true },
    { title: 'as of', figures: true },
    { title: 'input', figures: true },
    { title: 'output', figures: true },
    { title: 'cost', figures: true },
  ];
  const rows = cost.models.map(({ price, whatIf, ...model }) => [
    whatIf ? element('span', {}, price.model, ' ', element('span', { class: 'tag' }, 'what-if')) : price.model,
    whole(model.requests),
    `${usd(price.inputMicroUsdPerMillion)} / ${usd(price.outputMicroUsdPerMillion)}`,
    price.asOf,
    usd(model.inputMicroUsd),
    usd(model.outputMicroUsd),
    usd(model.totalMicroUsd),
  ]);
  const total = ['all', '', '', '', usd(cost.inputMicroUsd), usd(cost.outputMicroUsd), usd(cost.totalMicroUsd)];
  const sources = [...new Set(cost.models.map(({ price }) => price.source))];
  const { unpriced } = cost;
  return [
    element('h3', {}, 'Cost'),
    element('p', {}, cost.basis),
    table('Cost by model', columns, rows.length > 1 ? [...rows, total] : rows),
    sources.length === 0 ? undefined : element('p', { class: 'hint' }, `Prices: ${sources.join('; ')}.`),
    unpriced.requests === 0
      ? undefined
      : element(
          'p',
          {},
          `Not priced: ${whole(unpriced.requests)} requests of ${whole(unpriced.modelCount)} models, such as ${unpriced.models.slice(0, 5).join(', ')}.`,
        ),
  ].filter((part) => part !== undefined);
}

function tokens({ percentiles }: Report): readonly Node[] {
  const columns = ['', 'p50', 'p90', 'p95', 'p99', 'max'].map((title, at) => ({ title, figures: at > 0 }));
  const row = (name: string, { p50, p90, p95, p99, max }: Percentiles): readonly string[] => [
    name,
    ...[p50, p90, p95, p99, max].map(whole),
  ];
  return [
    element('h3', {}, 'Tokens of one request'),
    element(
      'p',
      { class: 'hint' },
      'Half of the requests have at most as many tokens as p50 says, 90 % at most p90, and so on.',
    ),
    table('Tokens of one request, by percentile', columns, [
      row('input', percentiles.inputTokens),
      row('output', percentiles.outputTokens),
    ]),
  ];
}

function hours({ perHour }: Report): readonly Node[] {
  const busiest = perHour.length > HOURS_SHOWN;
  const shown = busiest ? busiestOf(perHour) : perHour;
  const columns: Column[] = [
    { title: 'hour (UTC)' },
    ...['requests', 'input tokens', 'output tokens'].map((title) => ({ title, figures: true })),
  ];
  const rows = shown.map((hour) => [
    utc(hour.hour),
    whole(hour.requests),
    whole(hour.inputTokens),
    whole(hour.outputTokens),
  ]);
  const note = `The ${HOURS_SHOWN} busiest of ${whole(perHour.length)} hours; report.json has all.`;
  return [
    element('h3', {}, 'Tokens by hour'),
    busiest ? element('p', { class: 'hint' }, note) : undefined,
    hourChart(shown),
    element('details', {}, element('summary', {}, 'The hours as a table'), table('Tokens by hour', columns, rows)),
  ].filter((part) => part !== undefined);
}

/** In the order of time, like all of them. */
function busiestOf(perHour: readonly Hour[]): readonly Hour[] {
  const least = perHour.toSorted((left, right) => total(right) - total(left)).slice(0, HOURS_SHOWN);
  return perHour.filter((hour) => least.includes(hour));
}

/** A column per hour. The table below it says the same to those who do not see it. */
function hourChart(shown: readonly Hour[]): HTMLElement {
  const most = shown.reduce((top, hour) => Math.max(top, total(hour)), 1);
  const columns = shown.map((hour) => {
    const column = element('span', { title: `${utc(hour.hour)} UTC: ${whole(total(hour))} tokens` });
    column.style.setProperty('--share', String(total(hour) / most));
    return column;
  });
  const [first, last] = [shown[0], shown.at(-1)];
  const span = first === undefined || last === undefined ? '' : `${utc(first.hour)} to ${utc(last.hour)} UTC`;
  const label = `Tokens by hour, ${span}; at most ${whole(most)} in one hour.`;
  return element(
    'figure',
    {},
    element('div', { class: 'chart', role: 'img', 'aria-label': label }, ...columns),
    element('figcaption', { class: 'hint' }, label),
  );
}

function total({ inputTokens, outputTokens }: Hour): number {
  return inputTokens + outputTokens;
}

function savings({ whatIf }: Report): readonly Node[] {
  if (whatIf.length === 0) return [];
  const columns: Column[] = [{ title: 'what, and what is assumed' }, { title: 'saving', figures: true }];
  const rows = whatIf.map(({ title, assumption, arithmetic, savingMicroUsd }) => {
    const idea = [title, element('p', {}, assumption), element('p', { class: 'hint' }, arithmetic)];
    return [element('div', { class: 'idea' }, ...idea), usd(savingMicroUsd)];
  });
  return [
    element('h3', {}, 'What if'),
    element(
      'p',
      { class: 'hint' },
      'Assumptions with their arithmetic, not findings: a ledger does not say what is in a request. Each is taken alone, so they do not add up.',
    ),
    table('Possible savings', columns, rows),
  ];
}

function badRows({ badRows: { count, first } }: Report): readonly Node[] {
  const title = element('h3', {}, 'Rows left out');
  if (count === 0) return [title, element('p', {}, 'None: every row could be read.')];
  const columns: Column[] = [{ title: 'line', figures: true }, { title: 'why' }, { title: 'found' }];
  const rows = first.map(({ line, reason, value }) => [whole(line), reason, value]);
  const said = `${whole(count)} ${count === 1 ? 'row' : 'rows'} could not be read and ${count === 1 ? 'is' : 'are'} in no figure above`;
  return [
    title,
    element('p', {}, count > first.length ? `${said}; the first ${first.length}:` : `${said}:`),
    table('Rows left out', columns, rows),
  ];
}

function method({ ledger: { format, bytes: size, columns }, generatedFrom }: Report): HTMLElement {
  const named = (names: readonly string[]): string => names.join(', ');
  const model = columns.model.length === 0 ? 'no column names a model' : `model from ${named(columns.model)}`;
  return element(
    'p',
    { class: 'hint method' },
    `Made from ${format.toUpperCase()} of ${bytes(size)}, SHA-256 ${generatedFrom.sha256}. Time from ${named(columns.time)}, input tokens from ` +
      `${named(columns.inputTokens)}, output tokens from ${named(columns.outputTokens)}; ${model}. Times without a zone are read as UTC.`,
  );
}
