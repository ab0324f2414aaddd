import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

import { isRecord } from '../../base/is-record.ts';
import type { Migration, Migrations, Seed } from '../../event/migrations.ts';

/** What a template is made of. */
export interface TemplatePlan {
  readonly migrations: Migrations | undefined;
  readonly seed: Seed | undefined;
}

/**
 * One text for what a template would hold. A function counts by its source text:
 * what it closes over is not seen.
 */
export function templateHash({ migrations = {}, seed }: TemplatePlan): string {
  const hash = createHash('sha256').update(ownCode());
  for (const name of Object.keys(migrations).toSorted()) hash.update(JSON.stringify([name, text(migrations[name])]));
  return hash.update(JSON.stringify(['seed', text(seed)])).digest('hex');
}

function text(migration: Migration | undefined): string {
  const script = isRecord(migration) ? migration.postgres : (migration ?? '');
  return typeof script === 'string' ? script : script.toString();
}

let code: Buffer | undefined;

/** The code that makes a database ready is part of what is in it: another version makes other tables. */
function ownCode(): Buffer {
  if (code !== undefined) return code;
  const hash = createHash('sha256');
  const folder = new URL('../../store/postgres/', import.meta.url);
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted();
  for (const name of names) {
    if (!/(?<!\.test|\.d)\.[jt]s$/.test(name)) continue;
    hash.update(name).update(readFileSync(new URL(name.replaceAll('\\', '/'), folder)));
  }
  return (code = hash.digest());
}
