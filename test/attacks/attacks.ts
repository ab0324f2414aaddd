import type { Attack, Where } from './attack.ts';
import { FILES } from './files.ts';
import { CATALOG, GUESSES, STATISTICS } from './guesses.ts';
import { FINDS, LEFTOVERS } from './leftovers.ts';
import { LOG } from './log.ts';
import { DEFINITIONS, ONLY_THE_DOOR, OUTSIDE } from './powers.ts';
import { FORGED, ROLES } from './principals.ts';
import { CHANGES, GIFTS, READS } from './rows.ts';

const ATTACKS: readonly Attack[] = [
  ...READS,
  ...CHANGES,
  ...GIFTS,
  ...GUESSES,
  ...STATISTICS,
  ...CATALOG,
  ...FORGED,
  ...ROLES,
  ...LEFTOVERS,
  ...FINDS,
  ...DEFINITIONS,
  ...OUTSIDE,
  ...ONLY_THE_DOOR,
  ...LOG,
  ...FILES,
];

export function attacksAt(where: Where): readonly Attack[] {
  return ATTACKS.filter((attack) => attack.where.includes(where));
}
