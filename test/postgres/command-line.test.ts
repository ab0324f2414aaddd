/** The command line on a PostgreSQL database: DATABASE_URL is all that differs. */

import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

import { SAMPLES } from '../../examples/ledgers/generate.ts';
import { crc32 } from '../../src/base/crc32.ts';
import { connect } from '../../src/client/index.ts';
import { canonicalEvent } from '../../src/context/canonical-event.ts';
import type { AgentEvent } from '../../src/context/event.ts';
import { crcText } from '../../src/context/wire.ts';
import { SYSTEM_MIGRATIONS } from '../../src/store/postgres/schema.ts';
import { enginehouse, Folder, startServer, type CommandOptions, type Ended } from '../support/command.ts';
import { checkRunLog } from '../support/invariants.ts';
import { asAdmin, freshDatabase } from '../support/postgres-database.ts';
import { PostgresApplication } from '../support/postgres-application.ts';

const SAMPLE = fileURLToPath(new URL('../../examples/ledgers/sample.csv', import.meta.url));
const SECRET = 'a secret of at least thirty-two characters';

function lines<Line>(stdout: string): readonly Line[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

/** An empty folder and an empty database, without a configuration: the shipped agents. */
async function emptyPlace() {
  await using opening = new AsyncDisposableStack();
  const folder = opening.use(await Folder.open());
  const database = opening.use(await freshDatabase());
  const at: CommandOptions = { cwd: folder.path, env: { DATABASE_URL: database.url, ENGINEHOUSE_LOG: 'error' } };
  const owned = opening.move();
  return { folder, database, at, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

test('the analyst goes on after its server was killed, and events shows its whole log, beside a server and without', async () => {
  await using place = await emptyPlace();
  await using server = startServer(place.at, '--port', '0');
  const { url } = await server.ready();
  await using client = connect({ url, attempts: Number.POSITIVE_INFINITY });
  const upload = { title: 'sample.csv', mediaType: 'text/csv' };
  const { artifactId } = await client.uploadArtifact(SAMPLES['sample.csv'], upload);
  const run = client.start('analyst', { artifact: artifactId });
  for await (const { type } of run) if (type === 'subagent_started') break;
  server.kill('SIGKILL');
  await server.ended;

  await using again = startServer(place.at, '--port', new URL(url).port);
  const { recoveredRuns } = await again.ready();
  const { status } = await run.result;
  const beside = await enginehouse(['events', run.id, '--json'], place.at);
  again.kill('SIGTERM');
  await again.ended;
  const shown = await enginehouse(['events', run.id], place.at);
  const listed = await enginehouse(['runs', '--json'], place.at);

  const events = lines<AgentEvent>(beside.stdout);
  const crc = crcText(events.reduce((sum, event) => crc32(canonicalEvent(event), sum), 0));
  expect({ recoveredRuns, status }).toEqual({ recoveredRuns: 1, status: 'completed' });
  checkRunLog(events);
  expect(shown.stderr).toBe(`${events.length} events, CRC ${crc} verified\n`);
  expect(run.proof).toMatchObject({ n: events.length, crc, verified: true });
  expect(lines(listed.stdout)).toContainEqual(expect.objectContaining({ runId: run.id, status: 'completed' }));
});

test('run uses the database, and --data means a folder all the same', async () => {
  await using place = await emptyPlace();
  const run = (...args: readonly string[]): Promise<Ended> =>
    enginehouse(['run', 'analyst', '--input', SAMPLE, ...args], place.at);

  const inDatabase = await run();
  const [inFolder, listed, ofFolder] = [
    await run('--data', 'data'),
    await enginehouse(['runs', '--json'], place.at),
    await enginehouse(['runs', '--json', '--data', 'data'], place.at),
  ];

  for (const { stdout } of [inDatabase, inFolder]) expect(JSON.parse(stdout)).toMatchObject({ requests: 2_000 });
  const roots = (ended: Ended): readonly unknown[] =>
    lines<{ runId: string; agent: string }>(ended.stdout).filter(({ agent }) => agent === 'analyst');
  expect([roots(listed).length, roots(ofFolder).length]).toEqual([1, 1]);
  expect(roots(listed)).not.toEqual(roots(ofFolder));
});

test('with a secret nothing is migrated at a start, and a URL without a login is enough after it was', async () => {
  await using app = await PostgresApplication.open();
  const url = new URL(app.url);
  url.username = url.password = '';
  const secret = { ENGINEHOUSE_DATABASE_SECRET: SECRET };
  const runtime = { ...secret, DATABASE_URL: url.href };

  const before = await app.command(['start'], secret);
  const migrated = await app.command(['database', 'migrate'], secret);
  const ran = await app.command(['run', 'echo', '--input-json', '7'], runtime);
  const listed = await app.command(['runs', '--json'], runtime);
  const wrong = await app.command(['run', 'echo'], { ...runtime, ENGINEHOUSE_DATABASE_SECRET: SECRET.toUpperCase() });
  const short = await app.command(['run', 'echo'], { ...runtime, ENGINEHOUSE_DATABASE_SECRET: 'short' });
  await addMigration(app.folder);
  const pending = await app.command(['start', '--config', 'more.config.ts'], runtime);

  expect(migrated).toMatchObject({ exitCode: 0, stderr: '' });
  expect(ran).toMatchObject({ exitCode: 0, stdout: '7\n' });
  expect(lines(listed.stdout)).toMatchObject([{ agent: 'echo', status: 'completed' }]);
  const login = /^error STORE_FAILED: .+ refused app_\w+_system .+\ncure: Run `enginehouse database migrate` once/m;
  for (const { exitCode, stderr } of [before, wrong]) expect({ exitCode, stderr }).toEqual(failsWith(login));
  expect(short).toMatchObject(
    failsWith(/^error CONFIG_INVALID: store\.secret \(ENGINEHOUSE_DATABASE_SECRET\) .+, got 5$/m),
  );
  expect(pending).toMatchObject(
    failsWith(/^error MIGRATION_PENDING: .+ waits for 1 migrations: 002_more\ncure: .*enginehouse database migrate/m),
  );
  for (const { stdout, stderr } of [before, wrong, short, pending]) {
    expect(stdout + stderr).not.toContain(SECRET);
    expect(stdout).toBe('');
  }
});

test('a server that is not there, and a database that is not, are told at once', async () => {
  await using place = await emptyPlace();
  const nowhere = { ...place.at, env: { DATABASE_URL: 'postgres://ada:geheim@127.0.0.1:9/nowhere' } };
  const missing = new URL(place.database.url);
  missing.pathname = 'not_there';

  const ended = [
    await enginehouse(['start', '--port', '0'], nowhere),
    await enginehouse(['runs'], nowhere),
    await enginehouse(['database', 'migrate'], nowhere),
    await enginehouse(['start', '--port', '0'], { ...place.at, env: { DATABASE_URL: missing.href } }),
  ];

  expect(ended.map(({ exitCode }) => exitCode)).toEqual([1, 1, 1, 1]);
  for (const { stderr } of ended) expect(stderr).toMatch(/^error STORE_FAILED: [^]+\ncure: \w/m);
  for (const { stderr } of ended.slice(0, 3)) {
    expect(stderr).toContain('ECONNREFUSED');
    expect(stderr).toContain('postgres://ada@127.0.0.1:9/nowhere');
    expect(stderr).not.toContain('geheim');
  }
  expect(ended[3]?.stderr).toContain('database "not_there" does not exist');
});

test.each([1, 2, 3])(
  'of twelve starts at once on an empty database one serves, and eleven are told that it is in use (%i)',
  { timeout: 120_000 },
  async () => {
    await using place = await emptyPlace();
    await using started = new AsyncDisposableStack();
    const servers = Array.from({ length: 12 }, () =>
      started.use(startServer({ ...place.at, livesMs: 100_000 }, '--port', '0')),
    );

    const refused: Ended[] = [];
    const elevenEnded = Promise.withResolvers<void>();
    for (const server of servers) {
      void server.ended.then((ended) => refused.push(ended) === 11 && elevenEnded.resolve());
    }
    const { url } = await Promise.any(servers.map((server) => server.ready()));
    await elevenEnded.promise;
    const health = await fetch(`${url}/health/ready`);
    const applied = await asAdmin(place.database.url, `SELECT name FROM enginehouse.migrations WHERE part = 'system'`);

    expect(refused.map(({ exitCode }) => exitCode)).toEqual(Array.from({ length: 11 }, () => 1));
    for (const { stdout, stderr } of refused) {
      expect(stdout).toBe('');
      expect(stderr).toMatch(
        /^error STORE_IN_USE: .+ is in use by another runtime: enginehouse .+\ncure: Stop the other/m,
      );
    }
    expect(health.status).toBe(200);
    expect(applied.map(({ name }) => name)).toEqual(SYSTEM_MIGRATIONS.map(({ name }) => name));
  },
);

function failsWith(says: RegExp): object {
  return { exitCode: 1, stderr: expect.stringMatching(says) as string };
}

async function addMigration(folder: Folder): Promise<void> {
  const config = `
    import config from './enginehouse.config.ts';
    const { migrations } = config.database;
    export default { ...config, database: { migrations: { ...migrations, '002_more': 'CREATE TABLE more (n INTEGER)' } } };
  `;
  await writeFile(folder.join('more.config.ts'), config);
}
