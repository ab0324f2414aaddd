import { CompiledQuery } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { UserExecutionContext } from '../../src/context/user-execution-context.ts';
import { DatabaseSessionManager } from '../../src/event/database-session-manager.ts';
import { urlAs } from '../../src/store/postgres/target.ts';
import { AttackedDatabase, session } from './attacked-database.ts';
import { openDoor } from './postgres-door-house.ts';

const TEXT = "SELECT 'canary' AS word";
const OTHERS = `SELECT query FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()`;

let database: AttackedDatabase;

// Only a superuser can turn it off, and this one was made by a plain role.
beforeAll(async () => {
  database = await AttackedDatabase.make('shared');
});

afterAll(() => database[Symbol.asyncDispose]());

test('a session of the same login reads nothing of a statement that came through the door', async () => {
  await using databases = openDoor(database);
  const ada = new DatabaseSessionManager(
    UserExecutionContext.fromRequest({ userId: 'ada', threadId: 't1', runId: 'r1' }),
    databases,
  );
  await using other = await session(urlAs(database.url, database.ready.roles.agent, database.derived.agentPassword));
  await using open = await session(urlAs(database.url, database.ready.roles.agent, database.derived.agentPassword));

  await ada.transaction(async (db) => {
    await db.executeQuery(CompiledQuery.raw(TEXT));
    await open.client.query(TEXT);
    const { rows } = await other.client.query<{ query: string }>(OTHERS);

    expect(rows.map(({ query }) => query.trim()).toSorted()).toEqual(['', TEXT]);
  });
});
