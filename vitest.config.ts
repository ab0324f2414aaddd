import { defineConfig } from 'vitest/config';
import { FinalLine } from './test/support/final-line.ts';

/** Tests of single stations that have a store below them. */
const HOUSES = [
  'src/analyst/{load,profile}-ledger.test.ts',
  'src/bridge/{agent-websocket-bridge,follow-run,resume,socket-pump,socket-session}.test.ts',
  'src/client/{enginehouse-client,followed-run}.test.ts',
  'src/event/{user-websocket-emitter,value-keeper}.test.ts',
  'src/tool/tool-dispatcher.test.ts',
];

/** Flows that do not run on PostgreSQL a second time. */
const NOT_ON_POSTGRES = [
  // Of files: a data folder, its disk, a log that is changed behind its back. test/postgres has the command on a database.
  'test/flow/{store-full,cli,azure}.test.ts',
  // They say themselves which store they are on.
  'test/flow/{kit-postgres,node-door}.test.ts',
  // Of a server and nothing else.
  'test/flow/{postgres-command,postgres-restart}.test.ts',
];

export default defineConfig({
  test: {
    reporters: ['default', new FinalLine()],
    pool: 'forks',
    // Most of the time is spent waiting for servers and processes, so no core need be left free.
    maxWorkers: '100%',
    // Safe here, and several times faster: runtimes are values, and the one process-wide pointer is unset by whoever set it.
    isolate: false,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'house',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          setupFiles: ['src/testing/vitest/setup.ts'],
          exclude: ['test/package/**', 'test/lint/fixture/**', 'test/kit/projects/**', 'test/kit/sample/**'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'postgres',
          env: { ENGINEHOUSE_TEST_STORE: 'postgres:recycle' },
          include: ['test/flow/*.test.ts', ...HOUSES],
          exclude: NOT_ON_POSTGRES,
          globalSetup: ['test/support/postgres-server.ts'],
          setupFiles: ['src/testing/vitest/setup.ts'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'package',
          include: ['test/package/**/*.test.ts'],
          globalSetup: ['test/package/pack.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
