import { diff } from 'node:util';

import type { RunStory, Story } from './sweep-story.ts';

/** Lines around one that differs. */
const AROUND = 3;

/**
 * What of a story is not as expected, for a person; `undefined` when it is. With `allowUnknown`, runs in which the
 * outcome of a tool is unknown are not compared, and neither is an answer that may come from them.
 */
export function differences(expected: Story, got: Story, allowUnknown: boolean): string | undefined {
  const unknown = allowUnknown && got.runs.some((run) => run.unknown);
  const found = [...got.broken, ...runDifferences(expected.runs, got.runs, unknown)];
  if (!unknown && expected.answer !== got.answer)
    found.push(`the scenario gave another answer:\n${lineDiff(expected.answer, got.answer)}`);
  return found.length === 0 ? undefined : found.join('\n');
}

/** Each run must be there once; which of two that are alike came first is nothing. */
function runDifferences(expected: readonly RunStory[], got: readonly RunStory[], unknown: boolean): readonly string[] {
  const missing = [...expected];
  const more: RunStory[] = [];
  for (const run of got) {
    const at = missing.findIndex((other) => isSameRun(other, run));
    if (at === -1) more.push(run);
    else missing.splice(at, 1);
  }
  const found: string[] = [];
  for (const run of more) {
    const at = missing.findIndex(({ user, agent }) => user === run.user && agent === run.agent);
    const [other] = at === -1 ? [] : missing.splice(at, 1);
    if (unknown && run.unknown) continue;
    const whose = `${run.user}'s run of ${run.agent}`;
    found.push(
      other === undefined
        ? `there is one more, ${whose}`
        : `${whose} went otherwise:\n${lineDiff(other.text, run.text)}`,
    );
  }
  return [...found, ...missing.map(({ user, agent }) => `${user}'s run of ${agent} is missing`)];
}

function isSameRun(left: RunStory, right: RunStory): boolean {
  if (left.user !== right.user || left.agent !== right.agent) return false;
  return left.text === right.text || hasSameLines(left.text, right.text);
}

/**
 * Branches of a run overlap otherwise when one of them was done before the crash: where things ran beside others, only
 * what was said counts, and not in which order.
 */
function hasSameLines(left: string, right: string): boolean {
  if (!PAR.test(left) && !PAR.test(right)) return false;
  return bag(left) === bag(right);
}

const PAR = /^ *par$/m;

function bag(text: string): string {
  const lines = text.split('\n').map((line) => line.trim().replaceAll(/#\d+/g, '#'));
  return lines
    .filter((line) => line !== 'par')
    .toSorted()
    .join('\n');
}

/** The lines that differ, with those around them. */
function lineDiff(expected: string, got: string): string {
  const lines = diff(expected.split('\n'), got.split('\n'));
  const changed = lines.flatMap(([operation], at) => (operation === 0 ? [] : [at]));
  const near = (at: number): boolean => changed.some((change) => Math.abs(change - at) <= AROUND);
  const shown = lines.flatMap(([operation, line], at) => {
    if (!near(at)) return near(at - 1) || at === 0 ? ['    …'] : [];
    return [`  ${operation === 0 ? ' ' : operation > 0 ? '-' : '+'} ${line}`];
  });
  return shown.join('\n');
}
