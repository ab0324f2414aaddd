import { EnginehouseError } from '../../base/errors.ts';
import type { BootTrace } from '../../startup/boot-trace.ts';
import { compareBoots } from './compare-boots.ts';
import { parityIsOn, productionEntry, type ParityOptions } from './production-entry.ts';
import { traceOf } from './production-trace.ts';

/** What has booted: an `EnginehouseRuntime`. */
export interface Booted {
  readonly bootTrace: BootTrace;
}

/**
 * Compares the runtime's boot with the one of the project's production entry.
 *
 * @throws `BOOT_DIFFERS` naming each difference, `PRODUCTION_NOT_STARTED`
 */
export async function assertBootedLikeProduction({ bootTrace }: Booted, options: ParityOptions = {}): Promise<void> {
  const entry = productionEntry(options);
  const differences = compareBoots(bootTrace, await traceOf(entry));
  if (differences.length === 0) return;
  const message = `the test did not boot as \`${entry.name}\` does: ${differences.join('; ')}`;
  throw new EnginehouseError('BOOT_DIFFERS', message, { entry: entry.name, differences });
}

const KEY: unique symbol = Symbol.for('enginehouse.testing.parity');

interface Place {
  /** The shapes of boots that were compared. */
  readonly compared: Set<string>;
  checks: Promise<void>[];
}

const place = ((globalThis as { [KEY]?: Place })[KEY] ??= { compared: new Set(), checks: [] });

/**
 * The same for every boot of a process, by itself: boots of one shape are compared once. It starts here and delays
 * nobody; `parityChecked()` tells what it finds. ENGINEHOUSE_PARITY=off switches it off.
 */
export function checkParityOnce({ bootTrace }: Booted, options: ParityOptions = {}): void {
  if (!parityIsOn()) return;
  const shape = JSON.stringify([bootTrace.phases.map(shapeOf), bootTrace.seams, options]);
  if (place.compared.has(shape)) return;
  place.compared.add(shape);
  const check = assertBootedLikeProduction({ bootTrace }, options);
  check.catch(() => undefined);
  place.checks.push(check);
}

/** Waits for the comparisons that were started. Each is told once. @throws what they found: `BOOT_DIFFERS`, `PRODUCTION_NOT_STARTED` */
export async function parityChecked(): Promise<void> {
  const checks = place.checks;
  place.checks = [];
  await Promise.all(checks);
}

function shapeOf({ phase, consumed, provided }: BootTrace['phases'][number]): readonly unknown[] {
  return [phase, consumed, provided];
}
