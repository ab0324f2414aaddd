/**
 * How a test's boot differs from production's.
 *
 *   P1. Phases, their order, and what each consumed and provided are the same.
 *   P2. A test may replace declared seams, and nothing else; production none.
 *   P3. What the two configurations may explain is listed here, and nothing else
 *       is forgiven.
 */

import type { BootTrace, PhaseTrace } from '../../startup/boot-trace.ts';
import type { Seams } from '../../startup/config.ts';

type PhaseParts = Pick<PhaseTrace, 'consumed' | 'provided'>;

/** What is compared of a boot. It may be of another version of the package, which may have other phases. */
export interface ComparedBoot extends Pick<BootTrace, 'seams'> {
  readonly phases: readonly (PhaseParts & { readonly phase: string })[];
}

/** A record, so that a seam that is new in `Seams` does not compile until it is here. */
const SEAMS: Readonly<Record<keyof Seams, true>> = {
  clock: true,
  ids: true,
  keepOrigins: true,
  tenant: true,
  aroundStore: true,
  aroundDatabases: true,
  logLine: true,
};

/** P3: a runtime without a server of its own has no address. An application may say so, and a test may say otherwise. */
const EXPLAINED: Readonly<Record<string, readonly string[]>> = { doors: ['address'] };

/** Sentences for a person, one per difference; none when the boots are alike. */
export function compareBoots(test: ComparedBoot, production: ComparedBoot): readonly string[] {
  const [tested, produced] = [test, production].map(({ phases }) => phases.map(({ phase }) => phase));
  return [
    ...without(produced, tested).map((phase) => `production runs the phase "${phase}", the test does not`),
    ...without(tested, produced).map((phase) => `the test runs the phase "${phase}", production does not`),
    ...orders(tested ?? [], produced ?? []),
    ...production.phases.flatMap((phase) => parts(phase, test)),
    ...without(test.seams, Object.keys(SEAMS)).map((seam) => `the test replaced "${seam}", which is no declared seam`),
    ...production.seams.map((seam) => `production replaced "${seam}"; a production entry passes no seams`),
  ];
}

function orders(tested: readonly string[], produced: readonly string[]): readonly string[] {
  const [inTest, inProduction] = [within(tested, produced), within(produced, tested)].map((order) => order.join(', '));
  if (inTest === inProduction) return [];
  return [`the phases run in another order: ${inProduction} in production, ${inTest} in the test`];
}

function parts({ phase, ...produced }: ComparedBoot['phases'][number], test: ComparedBoot): readonly string[] {
  const tested = test.phases.find((other) => other.phase === phase);
  if (tested === undefined) return [];
  return (['consumed', 'provided'] as const).flatMap((kind) => {
    const missing = without(produced[kind], tested[kind]).map((part) => [part, 'production', 'the test']);
    const added = without(tested[kind], produced[kind]).map((part) => [part, 'the test', 'production']);
    const unexplained = [...missing, ...added].filter(([part = '']) => EXPLAINED[phase]?.includes(part) !== true);
    return unexplained.map(
      ([part, who, other]) => `in the phase "${phase}" ${who} ${kind} "${part}", ${other} did not`,
    );
  });
}

function without(names: readonly string[] = [], others: readonly string[] = []): readonly string[] {
  return names.filter((name) => !others.includes(name));
}

function within(names: readonly string[], others: readonly string[]): readonly string[] {
  return names.filter((name) => others.includes(name));
}
