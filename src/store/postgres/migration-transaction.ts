/** What a migration is made of, the system's own or the application's: a transaction as another role, and a note. */

import { escapeIdentifier, type Client } from 'pg';

import { SYSTEM_SCHEMA } from './layout.ts';

/** @throws what `work` throws, after everything was rolled back */
export async function inTransaction<T>(admin: Client, work: () => Promise<T>): Promise<T> {
  await admin.query('BEGIN');
  try {
    const result = await work();
    await admin.query('COMMIT');
    return result;
  } catch (error) {
    await admin.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** Takes another role on until the transaction ends. */
export async function become(admin: Client, role: string): Promise<void> {
  await admin.query(`SET LOCAL ROLE ${escapeIdentifier(role)}`);
}

/** Says that a migration ran, in the transaction that it ran in. */
export async function note(
  admin: Client,
  { part, name, checksum }: { readonly part: 'system' | 'data'; readonly name: string; readonly checksum: string },
): Promise<void> {
  await admin.query(`INSERT INTO ${SYSTEM_SCHEMA}.migrations (part, name, checksum) VALUES ($1, $2, $3)`, [
    part,
    name,
    checksum,
  ]);
}
