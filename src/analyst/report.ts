/**
 * The report: everything that was found, as JSON. It holds no time of now and
 * no random id, so the same ledger gives the same bytes, whatever happened on
 * the way.
 */

import { z } from 'zod';

import { costSchema, loadedLedgerSchema, profileSchema, whatIfSchema, type Tokens } from './findings.ts';
import { hourName, type HourOfModel } from './profile-ledger.ts';
import { READER_VERSION } from './tables.ts';

/** What the stations before the report hand to it. */
export const findingsSchema = z.object({
  ledger: loadedLedgerSchema,
  profile: profileSchema,
  cost: costSchema,
  whatIf: z.array(whatIfSchema),
});

export type ReportFindings = z.output<typeof findingsSchema>;

export type ReportHour = Tokens & { readonly hour: string };

export type Report = ReportFindings['profile'] & {
  /** In order; hours without a request are not there. */
  readonly perHour: readonly ReportHour[];
  readonly cost: ReportFindings['cost'];
  readonly badRows: ReportFindings['ledger']['badRows'];
  readonly whatIf: ReportFindings['whatIf'];
  readonly ledger: Pick<ReportFindings['ledger'], 'format' | 'columns' | 'bytes'>;
  /** What the report follows from, and nothing else. */
  readonly generatedFrom: { readonly sha256: string; readonly reader: number };
};

export async function buildReport(
  findings: ReportFindings,
  hours: AsyncIterable<HourOfModel> | Iterable<HourOfModel>,
): Promise<Report> {
  const { ledger, profile, cost, whatIf } = findings;
  const { requests, inputTokens, outputTokens, from, to, percentiles } = profile;
  return {
    requests,
    inputTokens,
    outputTokens,
    from,
    to,
    percentiles,
    perHour: await perHour(hours),
    cost,
    badRows: ledger.badRows,
    whatIf,
    ledger: { format: ledger.format, columns: ledger.columns, bytes: ledger.bytes },
    generatedFrom: { sha256: ledger.digest, reader: READER_VERSION },
  };
}

export function reportJson(report: Report): string {
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

async function perHour(hours: AsyncIterable<HourOfModel> | Iterable<HourOfModel>): Promise<readonly ReportHour[]> {
  const sums: { hour: string; requests: number; inputTokens: number; outputTokens: number }[] = [];
  let open: number | undefined;
  for await (const { hour, requests, inputTokens, outputTokens } of hours) {
    const last = sums.at(-1);
    if (last === undefined || hour !== open) {
      sums.push({ hour: hourName(hour), requests, inputTokens, outputTokens });
      open = hour;
      continue;
    }
    last.requests += requests;
    last.inputTokens += inputTokens;
    last.outputTokens += outputTokens;
  }
  return sums;
}
