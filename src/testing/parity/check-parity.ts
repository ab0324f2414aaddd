import { EnginehouseError } from '../../base/errors.ts';
import type { BootTrace } from '../../startup/boot-trace.ts';
import { atKitEnd } from '../kit-end.ts';
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

const place = globalThis as { [KEY]?: Set<string> };
const compared = (place[KEY] ??= new Set());

/**
 * The same for every boot of a process, by itself: boots of one shape are compared once. It starts here, delays nobody,
 * and what it finds is thrown when the kit ends. ENGINEHOUSE_PARITY=off switches it off.
 */
export function checkParityOnce({ bootTrace }: Booted, options: ParityOptions = {}): void {
  if (!parityIsOn()) return;
  const shape = JSON.stringify([bootTrace.phases.map(shapeOf), bootTrace.seams, options]);
  if (compared.has(shape)) return;
  compared.add(shape);
  const checking = assertBootedLikeProduction({ bootTrace }, options);
  checking.catch(() => undefined);
  atKitEnd(() => checking);
}

function shapeOf({ phase, consumed, provided }: BootTrace['phases'][number]): readonly unknown[] {
  return [phase, consumed, provided];
}
