import { z } from 'zod';

import { defineAgent } from '../agent/define-agent.ts';
import { tool, type ToolContext } from '../tool/tool.ts';
import { hoursOf } from './profile-ledger.ts';
import { buildReport, findingsSchema, reportJson, type ReportFindings } from './report.ts';
import { reportMarkdown } from './report-markdown.ts';

const TIMEOUT_MS = 60_000;

const inputSchema = z.strictObject({ file: z.string(), findings: findingsSchema });

/** Artifact ids of the report. */
export interface WrittenReport {
  readonly report: string;
  readonly markdown: string;
}

/** The last station: the report, for programs and for people. */
export const reportAgent = defineAgent({
  name: 'analyst-report',
  description: 'Writes report.json and report.md from what the other stations found.',
  inputSchema,
  tools: {
    write_report: tool({
      description: 'Writes the findings and the hours of a loaded ledger as report.json and report.md.',
      inputSchema,
      idempotent: true,
      timeoutMs: TIMEOUT_MS,
      execute: ({ file, findings }, context) => writeReport(file, findings, context),
    }),
  },
  async run({ input, tools, think }) {
    await think('Writing the report: report.json for programs, report.md for people.');
    return tools.write_report(input);
  },
});

async function writeReport(file: string, findings: ReportFindings, context: ToolContext): Promise<WrittenReport> {
  const report = await buildReport(findings, hoursOf(findings.ledger.digest, context));
  const json = await context.artifacts.create(reportJson(report), {
    title: 'report.json',
    kind: 'report',
    mediaType: 'application/json',
  });
  const markdown = await context.artifacts.create(reportMarkdown(report, file), {
    title: 'report.md',
    kind: 'report',
    mediaType: 'text/markdown; charset=utf-8',
  });
  return { report: json.artifactId, markdown: markdown.artifactId };
}
