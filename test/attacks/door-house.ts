import { CompiledQuery } from 'kysely';

import { isEnginehouseError } from '../../src/base/errors.ts';
import type { Owner } from '../../src/context/ids.ts';
import { UserExecutionContext } from '../../src/context/user-execution-context.ts';
import { DatabaseSessionManager, type AgentDatabases } from '../../src/event/database-session-manager.ts';
import { REFILL, type Actor, type Outcome } from './attack.ts';

class Rehearsed extends Error {
  readonly rows: Outcome['rows'];

  constructor(rows: Outcome['rows']) {
    super('rehearsed, and rolled back');
    this.rows = rows;
  }
}

/** Somebody's SQL through the door that agents have. */
export function throughDoor(databases: AgentDatabases, { tenantId, userId }: Owner): Actor {
  const context = UserExecutionContext.fromRequest({ tenantId, userId, threadId: 't1', runId: 'r1' });
  const manager = new DatabaseSessionManager(context, databases);
  const run = async (said: readonly string[], rehearsal: boolean): Promise<Outcome> => {
    const rows: unknown[][] = [];
    try {
      await manager.transaction(async (db) => {
        for (const text of said) rows.push((await db.executeQuery(CompiledQuery.raw(text))).rows);
        if (rehearsal) throw new Rehearsed(rows);
      });
      return { rows, refusal: undefined, heard: [] };
    } catch (error) {
      if (error instanceof Rehearsed) return { rows, refusal: undefined, heard: [] };
      if (!isEnginehouseError(error)) throw error;
      // The reference is another one each time.
      const { ref: _, ...told } = error.toJSON();
      return { rows, refusal: { ...told, cause: shown(error.cause) }, heard: [] };
    }
  };
  return { says: (...said) => run(said, false), rehearses: (...said) => run(said, true) };
}

/** Everything that an agent's code could read of an error. */
function shown(cause: unknown): unknown {
  if (!(cause instanceof Error)) return cause;
  return { ...Object.fromEntries(Object.entries(cause)), message: cause.message, cause: shown(cause.cause) };
}

export async function refill(bob: Actor): Promise<void> {
  const { refusal } = await bob.says(...REFILL);
  if (refusal !== undefined) throw new Error(`Bob gets no rows: ${JSON.stringify(refusal)}`);
}
