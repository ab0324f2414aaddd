import { escapeIdentifier, type Client } from 'pg';

import { tenantId, userId } from '../../src/context/ids.ts';
import { BY_HAND } from './shop.ts';
import { ownerText, type Roles } from '../../src/store/postgres/layout.ts';

const OWNERS = [
  ['default', 'ada', 'canary'],
  ['elsewhere', 'bob', 'canary'],
  ['default', 'bob', 'bear'],
] as const;

export async function makeByHand(root: Client, { owner }: Roles): Promise<void> {
  await root.query(
    `SET ROLE ${escapeIdentifier(owner)}; SET search_path = enginehouse_data; ${BY_HAND} RESET ALL; RESET ROLE`,
  );
}

export async function seedData(root: Client): Promise<void> {
  await root.query('ALTER TABLE enginehouse_data.orders DISABLE TRIGGER noted');
  for (const [tenant, user, word] of OWNERS) {
    const owner = ownerText({ tenantId: tenantId(tenant), userId: userId(user) });
    const skus = word === 'bear' ? ['bear-1'] : [`${word}-otter`, `${word}-swan`];
    await root.query(
      `INSERT INTO enginehouse_data.stock (enginehouse_owner, sku, count, note) SELECT $1, sku, 7, $2 FROM unnest($3::text[]) sku`,
      [owner, `note of ${word}`, skus],
    );
    await root.query(
      'INSERT INTO enginehouse_data.orders (enginehouse_owner, id, sku, amount) VALUES ($1, 1, $2, 43)',
      [owner, skus[0]],
    );
  }
  await root.query('ALTER TABLE enginehouse_data.orders ENABLE TRIGGER noted');
}

/** A run of everybody, with something in each of the system's tables. */
export async function seedSystem(root: Client): Promise<void> {
  for (const [tenant, user, word] of OWNERS) {
    const owner = ownerText({ tenantId: tenantId(tenant), userId: userId(user) });
    const { rows } = await root.query<{ run: string }>(
      `INSERT INTO enginehouse.runs (owner, run_id, thread_id, agent, version, origin, input_digest, context, epoch, accepted_at)
       VALUES ($1, $2, $3, 'shop', '1', 'request', 'd', '{}', 'e', 1) RETURNING run`,
      [owner, `${word}-run`, `${word}-thread`],
    );
    const run = rows[0]?.run;
    await root.query(
      'INSERT INTO enginehouse.threads (owner, thread_id, created_at, updated_at) VALUES ($1, $2, 1, 1)',
      [owner, `${word}-thread`],
    );
    await root.query(
      `INSERT INTO enginehouse.states (owner, run_id, run, origin, accepted_at, holder, generation, status, head, crc)
       VALUES ($1, $2, $3, 'request', 1, 'nobody', 1, 'running', 1, 0)`,
      [owner, `${word}-run`, run],
    );
    await root.query(
      `INSERT INTO enginehouse.events (run, seq, owner, type, at, crc, data) VALUES ($1, 1, $2, 'run_accepted', 1, 0, $3)`,
      [run, owner, word],
    );
    await root.query(
      `INSERT INTO enginehouse.commands (owner, command_id, run, run_id, op, args, at) VALUES ($1, $2, $3, $4, 'cancel', '{}', 1)`,
      [owner, `${word}-command`, run, `${word}-run`],
    );
    const { rows: artifacts } = await root.query<{ artifact: string }>(
      `INSERT INTO enginehouse.artifacts (owner, artifact_id, kind, title, media_type, created_at, bytes, digest)
       VALUES ($1, $2, 'file', $3, 'text/plain', 1, 6, 'd') RETURNING artifact`,
      [owner, `${word}-artifact`, word],
    );
    await root.query('INSERT INTO enginehouse.pieces (artifact, place, owner, content) VALUES ($1, 0, $2, $3)', [
      artifacts[0]?.artifact,
      owner,
      word,
    ]);
  }
}
