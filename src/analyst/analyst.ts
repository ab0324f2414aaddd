/**
 * The analyst: from a usage ledger to a report, in four stations.
 *
 *   analyst ──▶ triage ──▶ data ──▶ optimisation ──▶ report
 *                 │          │            │              │
 *             the file   your tables  the prices   two artifacts
 *
 * Each station is an agent of its own with its own tools, so each streams its
 * own events and is a recorded step of the one above it.
 *
 *   A1. It claims what the columns prove. What they do not say is marked what-if.
 *   A2. Every tool has one effect however often it is run, so a crash at any
 *       point changes nothing about the report.
 */

import { z } from 'zod';

import { defineAgent, type AgentDefinition } from '../agent/define-agent.ts';
import { dataAgent } from './data-agent.ts';
import type { Cost, LoadedLedger, Profile, WhatIf } from './findings.ts';
import type { Inspection } from './inspect-ledger.ts';
import { grouped, usd } from './money.ts';
import { assumedModelSchema, optimisationAgent } from './optimisation-agent.ts';
import { ASSUMED_MODEL } from './prices.ts';
import { reportAgent, type WrittenReport } from './report-agent.ts';
import { triageAgent } from './triage-agent.ts';

/** What a run of `analyst` results in. */
export type AnalystResult = Pick<Profile, 'requests' | 'inputTokens' | 'outputTokens' | 'from' | 'to'> & WrittenReport;

const analyst = defineAgent({
  name: 'analyst',
  description: 'Reads a usage ledger (CSV or JSONL of LLM requests) and reports where tokens and money go.',
  inputSchema: z.strictObject({
    /** The id of the uploaded ledger. */
    artifact: z.string().min(1),
    /** What rows that name no model are priced as. */
    model: assumedModelSchema.default(ASSUMED_MODEL),
  }),
  async run({ input: { artifact, model }, agent, think, say }): Promise<AnalystResult> {
    await think('Four stations: check the file, load and profile it, price it, write the report.');
    const { file } = await agent<Inspection>('analyst-triage', { artifact });
    const { ledger, profile } = await agent<{ ledger: LoadedLedger; profile: Profile }>('analyst-data', { artifact });
    const { cost, whatIf } = await agent<{ cost: Cost; whatIf: WhatIf[] }>('analyst-optimisation', {
      digest: ledger.digest,
      model,
      profile,
    });
    const written = await agent<WrittenReport>('analyst-report', { file, findings: { ledger, profile, cost, whatIf } });
    const { requests, inputTokens, outputTokens, from, to } = profile;
    await say(
      `${grouped(requests)} requests from ${from} to ${to}: ${grouped(inputTokens)} input and ${grouped(outputTokens)} output tokens, ` +
        `${usd(cost.totalMicroUsd)}. ${cost.basis}`,
    );
    return { requests, inputTokens, outputTokens, from, to, ...written };
  },
});

/** The analyst and its stations, to be registered together. */
export const analystAgents: readonly AgentDefinition[] = [
  analyst,
  triageAgent,
  dataAgent,
  optimisationAgent,
  reportAgent,
];
