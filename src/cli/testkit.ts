import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { EnginehouseError } from '../base/errors.ts';
import { note, plain, table, yieldLine } from './output.ts';
import { StopSignals } from './stop-signals.ts';
import { DEFECTS, type KnownDefect } from './testkit/defects.ts';
import { runSuite, type SuiteRun } from './testkit/run-suite.ts';

export interface SabotageOptions {
  /** Names of defects. @default all */
  readonly only?: readonly string[];
  /** Milliseconds that one run of the suite may take. @default 10 minutes */
  readonly timeout?: number;
  readonly json?: boolean;
}

/** What a suite did about one defect. */
interface Answer {
  readonly defect: string;
  /**
   * `noticed` is the good one. `hung`: the suite did not end in time, so nobody knows. `no-occasion`: the defect never
   * did any harm. `not-planted`: the suite booted no runtime by the test kit.
   */
  readonly outcome: 'noticed' | 'unnoticed' | 'hung' | 'no-occasion' | 'not-planted';
  readonly firstFailure: string | undefined;
  readonly ms: number;
}

const TIMEOUT_MS = 600_000;

/** Runs a suite once as it is, then once per defect, and fails when one goes unnoticed. */
export async function sabotage(command: readonly string[], options: SabotageOptions): Promise<number> {
  using stop = new StopSignals();
  const bounds = { timeoutMs: options.timeout ?? TIMEOUT_MS, signal: stop.signal };
  const defects = DEFECTS.filter(({ name }) => options.only?.includes(name) ?? true);
  note(`as it is: ${command.join(' ')}`);
  const whole = await runSuite(command, { ...bounds, env: environment({}) });
  if (stop.exitCode !== undefined) return stop.exitCode;
  if (whole.outcome !== 'passed') throw suiteFailed(command, whole);
  const answers: Answer[] = [];
  for (const [at, defect] of defects.entries()) {
    note(`${at + 1} of ${defects.length}: ${defect.name}: ${defect.says}`);
    const answer = await ask(command, defect, bounds);
    if (stop.exitCode !== undefined) return stop.exitCode;
    answers.push(answer);
    if (options.json === true) yieldLine(JSON.stringify(answer));
  }
  if (options.json !== true) for (const line of table(answers.map(row))) yieldLine(line);
  const noticed = answers.filter(({ outcome }) => outcome === 'noticed').length;
  note(`the suite notices ${noticed} of ${answers.length} defects`);
  return noticed === answers.length ? 0 : 1;
}

async function ask(
  command: readonly string[],
  { name }: KnownDefect,
  bounds: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Answer> {
  const folder = await mkdtemp(join(tmpdir(), 'enginehouse-sabotage-'));
  const report = join(folder, 'report');
  try {
    const env = environment({ ENGINEHOUSE_SABOTAGE: name, ENGINEHOUSE_SABOTAGE_REPORT: report });
    const run = await runSuite(command, { ...bounds, env });
    const said = await readFile(report, 'utf8').catch(() => '');
    return { defect: name, outcome: outcomeOf(run, said), firstFailure: run.firstFailure, ms: Math.round(run.ms) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A failure under a defect that did nothing says nothing about the defect. */
function outcomeOf({ outcome }: SuiteRun, said: string): Answer['outcome'] {
  if (!said.includes('planted')) return 'not-planted';
  if (outcome === 'hung') return 'hung';
  if (!said.includes('bit')) return 'no-occasion';
  return outcome === 'failed' ? 'noticed' : 'unnoticed';
}

const ADVICE: { readonly [Outcome in Answer['outcome']]: string } = {
  noticed: '',
  unnoticed: 'it did its harm and no test failed',
  hung: 'the suite did not end; raise --timeout, or give its tests a shorter one',
  'no-occasion': 'nothing that the suite does could show it',
  'not-planted': 'the suite booted no runtime by enginehouse/testing',
};

function row({ defect, outcome, firstFailure }: Answer): readonly string[] {
  const says = outcome === 'noticed' ? (firstFailure ?? '') : ADVICE[outcome];
  return [outcome === 'noticed' ? 'ok' : 'fail', defect, outcome, plain(says)];
}

function environment(defect: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const { ENGINEHOUSE_SABOTAGE: _defect, ENGINEHOUSE_SABOTAGE_REPORT: _report, ...env } = process.env;
  return { ...env, ...defect };
}

function suiteFailed(command: readonly string[], { says, lastLines }: SuiteRun): EnginehouseError {
  for (const line of lastLines) note(`  ${plain(line)}`);
  const text = command.join(' ');
  const message = `\`${text}\` must pass before its defects can be counted: ${says}`;
  return new EnginehouseError('SUITE_FAILED', message, { command: text, reason: says });
}
