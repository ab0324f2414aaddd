import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { systemClock } from '../../src/base/clock.ts';
import { systemIds } from '../../src/base/ids.ts';
import { createDoors, type Doors } from '../../src/server/create-doors.ts';
import { resolveAuth } from '../../src/server/resolve-auth.ts';
import { openHouse, SECRET } from './http-house.ts';

async function doorsWithPage(): Promise<Doors> {
  const folder = await mkdtemp(join(tmpdir(), 'page-'));
  await mkdir(join(folder, 'site', 'assets'), { recursive: true });
  await writeFile(join(folder, 'site', 'index.html'), '<!doctype html><title>House</title>');
  await writeFile(join(folder, 'site', 'assets', 'page.js'), 'export {};');
  await writeFile(join(folder, 'secret.txt'), 'a secret');
  const { runtime } = await openHouse({ server: { listen: false } });
  onTestFinished(async () => {
    await runtime.close();
    await rm(folder, { recursive: true });
  });
  const { factory, store, bridge, agents, limits } = runtime;
  return createDoors({
    desk: factory,
    store,
    bridge,
    agents,
    limits,
    clock: systemClock,
    ids: systemIds,
    auth: resolveAuth({ secret: SECRET }, {}),
    allowedHosts: [],
    ready: () => runtime.ready(),
    log: () => undefined,
    consoleFolder: join(folder, 'site'),
    version: '1.0.0',
  });
}

const get = (doors: Doors, path: string): Promise<Response> => doors.fetch(new Request(`http://localhost:4100${path}`));

test('the page and its files are served to everybody, and may load nothing from elsewhere', async () => {
  const doors = await doorsWithPage();

  const page = await get(doors, '/');
  const script = await get(doors, '/assets/page.js');

  expect([page.status, page.headers.get('content-type'), await page.text()]).toEqual([
    200,
    'text/html; charset=utf-8',
    '<!doctype html><title>House</title>',
  ]);
  expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'self'; /);
  expect(page.headers.get('x-content-type-options')).toBe('nosniff');
  expect([script.status, script.headers.get('content-type'), await script.text()]).toEqual([
    200,
    'text/javascript; charset=utf-8',
    'export {};',
  ]);
});

test.each([
  '/assets/nothing.js',
  '/assets/',
  '/assets/../../secret.txt',
  '/assets/%2e%2e/%2e%2e/secret.txt',
  '/assets/..%2f..%2fsecret.txt',
  '/assets/..%5c..%5csecret.txt',
  '/assets/%252e%252e/secret.txt',
  '/assets/%00',
  '/index.html',
  '/secret.txt',
])('%s is not served', async (path) => {
  const answer = await get(await doorsWithPage(), path);

  expect([answer.status, (await answer.json()).code]).toEqual([404, 'NOT_FOUND']);
});

test('closed doors answer every request with when to come again', async () => {
  const doors = await doorsWithPage();

  doors.close();
  const answer = await get(doors, '/health/live');

  expect([answer.status, answer.headers.get('retry-after'), (await answer.json()).code]).toEqual([
    503,
    '2',
    'DRAINING',
  ]);
});

test('the doors know their paths on a server that they share', async () => {
  const doors = await doorsWithPage();
  const paths = ['/api/agents', '/api/runs', '/api/runs/r1/events', '/api/artifacts', '/health/ready'];
  const theirs = ['/', '/assets/page.js', '/api', '/api/stock', '/api/runsheet', '/healthy', '/API/runs'];

  expect(paths.map((path) => doors.handles(path))).toEqual(paths.map(() => true));
  expect(theirs.map((path) => doors.handles(path))).toEqual(theirs.map(() => false));
});
