/**
 * Writes the two sample ledgers of this folder. They are made up: two days of a
 * small product whose users chat, search documents and have texts summarised.
 * The same program gives the same bytes on every machine.
 *
 *   node examples/ledgers/generate.ts
 */

import { writeFile } from 'node:fs/promises';

const START = Date.UTC(2026, 8, 14);
const DAY_MS = 86_400_000;

interface Request {
  readonly at: number;
  readonly model: string;
  readonly input: number;
  readonly output: number;
}

/** What a kind of request looks like: its share, its model, and about how many tokens it has. */
const KINDS = [
  { until: 0.55, model: 'gpt-4.1-mini', input: 900, output: 220 },
  { until: 0.85, model: 'claude-sonnet-4-5-20250929', input: 3_200, output: 340 },
  { until: 0.97, model: 'gpt-4o-2024-08-06', input: 1_400, output: 610 },
  { until: 1, model: 'our-own-llama', input: 700, output: 150 },
] as const;

/** Numbers from 0 to 1 that look random and are always the same (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Most requests are shorter than `typical`, a few are many times as long. */
function length(typical: number, number: number): number {
  return Math.round(typical * (0.2 + 0.8 * number + 4 * number ** 12));
}

/** The rows of two days, busier by day than by night, in order of time. */
export function sampleRequests(count: number, seed: number): readonly Request[] {
  const next = numbers(seed);
  const requests = Array.from({ length: count }, (): Request => {
    const day = next() < 0.55 ? 0 : 1;
    // The mean of three is near noon more often than near midnight.
    const time = (next() + next() + next()) / 3;
    const share = next();
    const kind = KINDS.find(({ until }) => share < until) ?? KINDS[0];
    return {
      at: START + Math.floor((day + time) * DAY_MS),
      model: kind.model,
      input: length(kind.input, next()),
      output: length(kind.output, next()),
    };
  });
  return requests.toSorted((left, right) => left.at - right.at);
}

export function csv(requests: readonly Request[]): string {
  const rows = requests.map(
    ({ at, model, input, output }) => `${new Date(at).toISOString()},${model},${input},${output}\n`,
  );
  return `timestamp,model,input_tokens,output_tokens\n${rows.join('')}`;
}

export function jsonl(requests: readonly Request[]): string {
  const rows = requests.map(({ at, model, input, output }) =>
    JSON.stringify({
      created: Math.floor(at / 1_000),
      model,
      usage: { prompt_tokens: input, completion_tokens: output },
    }),
  );
  return `${rows.join('\n')}\n`;
}

/** The files of this folder, by name. */
export const SAMPLES = {
  'sample.csv': csv(sampleRequests(2_000, 1)),
  'sample.jsonl': jsonl(sampleRequests(50, 2)),
} as const;

if (import.meta.main) {
  for (const [name, content] of Object.entries(SAMPLES)) await writeFile(new URL(name, import.meta.url), content);
}
