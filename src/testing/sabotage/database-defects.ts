import { userId } from '../../context/ids.ts';
import type { AgentDatabases } from '../../event/database-session-manager.ts';
import type { Bit, Defect } from './defect.ts';

/** `shared-memory`: application data of all users is in one place, so one user's rows appear at another's. */
export const sharedMemory: Defect = {
  databases: (databases, bit) =>
    around(databases, (owner, run, options) => {
      bit();
      return databases.transaction({ ...owner, userId: userId('everyone') }, run, options);
    }),
};

/** `committed-failure`: a transaction whose work failed is committed all the same. */
export const committedFailure: Defect = {
  databases: (databases, bit) =>
    around(databases, async (owner, run, options) => {
      const outcome = await databases.transaction(owner, (session) => settled(run(session), bit), options);
      if ('value' in outcome) return outcome.value;
      throw outcome.thrown;
    }),
};

type Transaction = AgentDatabases['transaction'];

function around(databases: AgentDatabases, transaction: Transaction): AgentDatabases {
  return {
    transaction,
    forget: (owner) => databases.forget(owner),
    close: () => databases.close(),
    [Symbol.asyncDispose]: () => databases[Symbol.asyncDispose](),
  };
}

async function settled<T>(work: Promise<T>, bit: Bit): Promise<{ readonly value: T } | { readonly thrown: unknown }> {
  try {
    return { value: await work };
  } catch (thrown) {
    bit();
    return { thrown };
  }
}
