import { expect, test } from 'vitest';

import { defineAgent } from '../agent/define-agent.ts';
import { LIMITS } from '../context/limits.ts';
import type { EnginehouseConfig } from './config.ts';
import { resolveConfig } from './resolve-config.ts';

const agents = [defineAgent({ name: 'greeter', run: () => 1 })];
const SECRET = 'a secret of more than thirty-two bytes';

/** What a configuration that never saw a type checker may be. */
const resolve = (config: unknown, env: Readonly<Record<string, string>> = {}): ReturnType<typeof resolveConfig> =>
  resolveConfig(config as EnginehouseConfig, env);

const refusal = (
  config: unknown,
  env: Readonly<Record<string, string>> = {},
): { message: string; details: unknown } => {
  try {
    resolve(config, env);
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    return error as { message: string; details: unknown };
  }
  throw new Error('it was accepted');
};

test('agents are enough: everything else has a default', () => {
  expect(resolve({ agents })).toEqual({
    agents,
    migrations: undefined,
    seed: undefined,
    store: { kind: 'sqlite', path: './.enginehouse', maxBytes: undefined },
    auth: { key: undefined, allowedOrigins: new Set(), tenantClaim: 'tenant' },
    server: { host: '127.0.0.1', port: 4100, allowedHosts: [], listen: true },
    limits: Object.fromEntries(Object.entries(LIMITS).map(([name, limit]) => [name, limit.default])),
    log: 'info',
  });
});

test('an option wins over the environment, the environment over the default', () => {
  const env = { ENGINEHOUSE_DATA: '/data', HOST: '::1', PORT: '80', ENGINEHOUSE_LOG: 'warn' };

  expect(resolve({ agents }, env)).toMatchObject({
    store: { path: '/data' },
    server: { host: '::1', port: 80 },
    log: 'warn',
  });
  expect(
    resolve({ agents, store: { path: ':memory:' }, server: { host: 'localhost', port: 0 }, log: 'silent' }, env),
  ).toMatchObject({ store: { path: ':memory:' }, server: { host: 'localhost', port: 0 }, log: 'silent' });
});

test('DATABASE_URL chooses the store, except where a test says :memory:', () => {
  const url = 'postgres://me@host:5432/agents';
  const chosen = { kind: 'postgres', target: { url, secret: undefined, rolePrefix: undefined, prepare: true } };

  expect(resolve({ agents }, { DATABASE_URL: url }).store).toEqual(chosen);
  expect(resolve({ agents, store: { path: './data' } }, { DATABASE_URL: url }).store).toEqual(chosen);
  expect(resolve({ agents, store: { url } }, { DATABASE_URL: 'postgres://other/db' }).store).toEqual(chosen);
  expect(resolve({ agents, store: { path: ':memory:' } }, { DATABASE_URL: url }).store).toMatchObject({
    kind: 'sqlite',
  });
});

test('what goes with a database is said by options, or by the environment', () => {
  const url = 'postgres://host/agents';
  const env = {
    DATABASE_URL: url,
    ENGINEHOUSE_DATABASE_SECRET: SECRET,
    ENGINEHOUSE_DATABASE_ROLES: 'shop',
    ENGINEHOUSE_DATABASE_PREPARE: 'off',
  };

  expect(resolve({ agents }, env).store).toEqual({
    kind: 'postgres',
    target: { url, secret: SECRET, rolePrefix: 'shop', prepare: false },
  });
  expect(resolve({ agents, store: { prepare: true } }, env).store).toMatchObject({ target: { prepare: true } });
});

test('a password in a URL that is refused is not shown', () => {
  const { message } = refusal({ agents, store: { url: 'postgres://me:hidden@host:5432' } });

  expect(message).toContain('store.url (DATABASE_URL)');
  expect(message).not.toContain('hidden');
});

test('a variable that is set to nothing is not set', () => {
  const env = {
    ENGINEHOUSE_DATA: '',
    HOST: '',
    PORT: '',
    ENGINEHOUSE_LOG: '',
    ENGINEHOUSE_AUTH_SECRET: '',
    DATABASE_URL: '',
  };

  expect(resolve({ agents }, env)).toEqual(resolve({ agents }));
});

test.each([
  ['agnets', { agnets: [] }, 'agents, database, store, auth, server, limits, log'],
  ['store.pth', { store: { pth: 'x' } }, 'url, secret, rolePrefix, prepare, path, maxBytes'],
  ['server.prot', { server: { prot: 1 } }, 'host, port, allowedHosts, listen'],
  ['auth.secrte', { auth: { secrte: SECRET } }, 'secret, allowedOrigins, tenantClaim'],
  ['database.migration', { database: { migrations: {}, migration: {} } }, 'migrations, seed'],
])('the typo %s is named, with the keys that are known', (option, wrong, known) => {
  const { message, details } = refusal({ agents, ...wrong });

  expect(message).toBe(`${option} is not an option; known are ${known}`);
  expect(details).toEqual({ option, received: option });
});

test('a limit that nobody knows is named, and where all of them are', () => {
  const { message, details } = refusal({ agents, limits: { runsPerUsers: 1 } });

  expect(message).toBe('limits.runsPerUsers is not a limit; docs/limits.md lists them all');
  expect(details).toMatchObject({ option: 'limits.runsPerUsers' });
});

test.each([
  ['agents', undefined],
  ['agents', {}],
  ['agents.0', ['greeter']],
  ['agents.1', [agents[0], { name: 'other', run: () => 1 }]],
  ['database', 'sqlite'],
  ['database.migrations', { migrations: ['CREATE TABLE x (y)'] }],
  ['database.migrations.001', { migrations: { '001': 7 } }],
  ['store', './data'],
  ['store.path', { path: '' }],
  ['store.path', { path: 7 }],
  ['store.url', { url: 'file:///data' }],
  ['store.url', { url: 'postgres://me:hidden@host:5432' }],
  ['store.url', { url: 7 }],
  ['store.secret', { url: 'postgres://host/db', secret: 'short' }],
  ['store.rolePrefix', { rolePrefix: '' }],
  ['store.prepare', { prepare: 'no' }],
  ['store.maxBytes', { maxBytes: 1_024 }],
  ['store.maxBytes', { maxBytes: '1GB' }],
  ['server', 4100],
  ['server.host', { host: '' }],
  ['server.port', { port: '4100' }],
  ['server.port', { port: -1 }],
  ['server.port', { port: 65_536 }],
  ['server.port', { port: 80.5 }],
  ['server.allowedHosts', { allowedHosts: 'example.com' }],
  ['server.allowedHosts.1', { allowedHosts: ['a', 7] }],
  ['server.listen', { listen: 'no' }],
  ['auth', true],
  ['auth.allowedOrigins', { allowedOrigins: '*' }],
  ['auth.allowedOrigins', { allowedOrigins: ['example.com'] }],
  ['auth.tenantClaim', { tenantClaim: '' }],
  ['auth.secret', { secret: 'short' }],
  ['limits', [4]],
  ['limits.runsPerUser', { runsPerUser: '4' }],
  ['limits.runsPerUser', { runsPerUser: 0 }],
  ['limits.eventBytes', { eventBytes: 1 }],
  ['log', 'verbose'],
  ['log', true],
])('%s cannot be %j', (option, wrong) => {
  const [key = ''] = option.split('.');

  const { message, details } = refusal({ agents, [key]: wrong });

  expect(details).toMatchObject({ option });
  expect(message).toContain(option);
});

test.each([undefined, null, 'config', 7, []])('%j is no configuration', (config) => {
  expect(refusal(config).details).toMatchObject({ option: expect.stringMatching(/config|agents/) });
});

test.each([
  ['PORT', 'http', 'server.port'],
  ['PORT', '70000', 'server.port'],
  ['PORT', '-1', 'server.port'],
  ['ENGINEHOUSE_LOG', 'loud', 'log'],
  ['ENGINEHOUSE_AUTH_SECRET', 'short', 'auth.secret'],
])('the variable %s cannot be %j, and is named with its option', (variable, value, option) => {
  const { message, details } = refusal({ agents }, { [variable]: value });

  expect(message).toContain(variable);
  expect(message).toContain(option);
  expect(details).toMatchObject({ option });
});

test.each([
  ['a secret that is no text', { secret: 12_345_678 }],
  ['a secret in the place of the options', '12345678'],
  ['a secret that is too short', { secret: '12345678' }],
])('%s is not shown', (_what, auth) => {
  const error = refusal({ agents, auth });

  expect(`${error.message} ${JSON.stringify(error.details)}`).not.toContain('12345678');
});
