/**
 * What every `AgentDatabases` promises to an application, in code. An adapter's
 * own test calls it with a way to open one.
 */

import { describe } from 'vitest';

import { conflictContract } from './databases/conflicts.ts';
import { isolationContract } from './databases/isolation.ts';
import type { DatabaseKind } from './databases/kind.ts';
import { limitContract } from './databases/limits.ts';
import { seedContract } from './databases/seed.ts';
import { statementContract } from './databases/statements.ts';
import { valueContract } from './databases/values.ts';

export function databasesContract(kind: DatabaseKind): void {
  describe(`${kind.name} keeps the databases contract`, () => {
    isolationContract(kind);
    statementContract(kind);
    valueContract(kind);
    conflictContract(kind);
    limitContract(kind);
    seedContract(kind);
  });
}
