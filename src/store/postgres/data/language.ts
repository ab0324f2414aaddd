import { DummyDriver, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, type TableMetadata } from 'kysely';

import type { Language } from '../../database/transaction-port.ts';
import { DATA_SCHEMA, OWNER_COLUMN } from '../layout.ts';
import { OwnedConflicts } from './owned-conflicts.ts';
import { USERS } from './users-table.ts';

/** A migration speaks of tables as they are. */
export const POSTGRES_MIGRATIONS: Language = {
  dialect: {
    createDriver: () => new DummyDriver(),
    createAdapter: () => new PostgresAdapter(),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createIntrospector: (db) => new PostgresIntrospector(db),
  },
  plugins: [],
};

/** An application speaks of tables as if each user had them for themselves. */
export const POSTGRES: Language = {
  dialect: { ...POSTGRES_MIGRATIONS.dialect, createIntrospector: (db) => new OwnTables(db) },
  plugins: [new OwnedConflicts()],
};

class OwnTables extends PostgresIntrospector {
  override async getTables(options?: Parameters<PostgresIntrospector['getTables']>[0]): Promise<TableMetadata[]> {
    const tables = await super.getTables(options);
    return tables
      .filter(({ schema, name }) => schema === DATA_SCHEMA && name !== USERS)
      .map((table) => ({ ...table, columns: table.columns.filter(({ name }) => name !== OWNER_COLUMN) }));
  }
}
