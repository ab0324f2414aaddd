import { z } from 'zod';

import { EnginehouseError } from '../base/errors.ts';
import { isRecord } from '../base/is-record.ts';
import type { AgentDefinition } from '../agent/define-agent.ts';
import type { Limits } from '../context/limits.ts';
import { resolveLimits } from '../context/resolve-limits.ts';
import type { Migrations, MigrationScript, Seed } from '../event/migrations.ts';
import { resolveAuth, type ResolvedAuth } from '../server/resolve-auth.ts';
import { databaseOf, type DatabaseTarget } from '../store/postgres/target.ts';
import type { EnginehouseConfig, LogLevel, StoreOptions } from './config.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A configuration, decided: option, then environment, then default. */
export interface ResolvedConfig {
  readonly agents: readonly AgentDefinition[];
  readonly migrations: Migrations | undefined;
  readonly seed: Seed | undefined;
  readonly store: ResolvedStore;
  readonly auth: ResolvedAuth;
  readonly server: {
    readonly host: string;
    readonly port: number;
    readonly allowedHosts: readonly string[];
    readonly listen: boolean;
  };
  readonly limits: Limits;
  readonly log: LogLevel;
}

/** Where everything is kept. */
export type ResolvedStore =
  | { readonly kind: 'sqlite'; readonly path: string; readonly maxBytes: number | undefined }
  | { readonly kind: 'postgres'; readonly target: DatabaseTarget };

const LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;

/** What `openssl rand -hex 16` gives. */
const SECRET_CHARACTERS = 32;

/** Options in which there may be a password. */
const MAY_BE_SECRET = /^(auth\b|store$|store\.(url|secret)$)/;

const agent = z.custom<AgentDefinition>(
  (value) => isRecord(value) && typeof value['create'] === 'function',
  'is no agent; make it with defineAgent({ … })',
);
const script = z.union([z.string(), z.custom<MigrationScript>((value) => typeof value === 'function')]);
const migration = z.union([script, z.strictObject({ sqlite: script, postgres: script })]);

const schema = z.strictObject({
  agents: z.array(agent),
  database: z.strictObject({ migrations: z.record(z.string(), migration), seed: migration.optional() }).optional(),
  store: z
    .strictObject({
      url: z.string().optional(),
      secret: z.string().optional(),
      rolePrefix: z.string().min(1).max(50).optional(),
      prepare: z.boolean().optional(),
      path: z.string().min(1).optional(),
      maxBytes: z.int().min(1_048_576).optional(),
    })
    .optional(),
  auth: z
    .strictObject({
      secret: z.string().optional(),
      allowedOrigins: z.array(z.string()).optional(),
      tenantClaim: z.string().min(1).optional(),
    })
    .optional(),
  server: z
    .strictObject({
      host: z.string().min(1).optional(),
      port: z.int().min(0).max(65_535).optional(),
      allowedHosts: z.array(z.string()).optional(),
      listen: z.boolean().optional(),
    })
    .optional(),
  limits: z.record(z.string(), z.number().optional()).optional(),
  log: z.enum(LEVELS).optional(),
});

/**
 * Checks a configuration and decides everything it leaves open.
 *
 * @throws `CONFIG_INVALID` naming the first key that is unknown, malformed or out of range, and the environment variable where it came from there
 */
export function resolveConfig(config: EnginehouseConfig, env: Environment): ResolvedConfig {
  const parsed = schema.safeParse(config);
  if (!parsed.success) throw refused(parsed.error, config);
  const { agents, database, store = {}, auth, server = {}, limits } = config;
  return {
    agents,
    migrations: database?.migrations,
    seed: database?.seed,
    store: resolveStore(store, env),
    auth: resolveAuth(auth, env),
    server: {
      host: server.host ?? said(env['HOST']) ?? '127.0.0.1',
      port: server.port ?? portFrom(said(env['PORT'])) ?? 4100,
      allowedHosts: server.allowedHosts ?? [],
      listen: server.listen ?? true,
    },
    limits: resolveLimits(limits),
    log: config.log ?? levelFrom(said(env['ENGINEHOUSE_LOG'])) ?? 'info',
  };
}

/** `:memory:` is for tests, and is meant where it is said; any other path gives way to a database. */
function resolveStore(store: StoreOptions, env: Environment): ResolvedStore {
  const path = store.path ?? said(env['ENGINEHOUSE_DATA']) ?? './.enginehouse';
  const url = store.url ?? (path === ':memory:' ? undefined : said(env['DATABASE_URL']));
  if (url === undefined) return { kind: 'sqlite', path, maxBytes: store.maxBytes };
  databaseOf(url);
  const secret = store.secret ?? said(env['ENGINEHOUSE_DATABASE_SECRET']);
  if (secret !== undefined && secret.length < SECRET_CHARACTERS) {
    const message = `store.secret (ENGINEHOUSE_DATABASE_SECRET) must have at least ${SECRET_CHARACTERS} characters, got ${secret.length}`;
    throw invalid('store.secret', message, secret.length);
  }
  const rolePrefix = store.rolePrefix ?? said(env['ENGINEHOUSE_DATABASE_ROLES']);
  const prepare = store.prepare ?? switchFrom(said(env['ENGINEHOUSE_DATABASE_PREPARE'])) ?? true;
  return { kind: 'postgres', target: { url, secret, rolePrefix, prepare } };
}

function switchFrom(text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  if (text === 'on' || text === 'off') return text === 'on';
  const message = `store.prepare (ENGINEHOUSE_DATABASE_PREPARE) must be on or off, got ${JSON.stringify(text)}`;
  throw invalid('store.prepare', message, text);
}

/** A variable that is set to nothing is not set. */
function said(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

function portFrom(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw invalid(
    'server.port',
    `server.port (PORT) must be a whole number from 0 to 65535, got ${JSON.stringify(text)}`,
    text,
  );
}

function levelFrom(text: string | undefined): LogLevel | undefined {
  if (text === undefined) return undefined;
  const level = LEVELS.find((each) => each === text);
  if (level !== undefined) return level;
  throw invalid('log', `log (ENGINEHOUSE_LOG) must be one of ${LEVELS.join(', ')}, got ${JSON.stringify(text)}`, text);
}

function refused(error: z.ZodError, config: unknown): EnginehouseError {
  const [issue] = error.issues;
  if (issue === undefined || !isRecord(config))
    return invalid('config', 'the configuration must be an object; write defineConfig({ … })', typeof config);
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    const option = [...path, ...issue.keys.slice(0, 1)].join('.');
    return invalid(option, `${option} is not an option; ${knownKeys(path)}`, option);
  }
  const received = path.reduce<unknown>(
    (value, key) => (isRecord(value) || Array.isArray(value) ? Reflect.get(value, key) : undefined),
    config,
  );
  // A secret is not shown, whatever it is, and what stands in the place of its options may be it.
  const got = MAY_BE_SECRET.test(path.join('.')) ? typeof received : shown(received);
  return invalid(path.join('.'), `${path.join('.')}: ${issue.message}, got ${got}`, got);
}

function knownKeys(path: readonly string[]): string {
  const place = path.length === 0 ? schema : Reflect.get(schema.shape, path[0] ?? '');
  const inner = place instanceof z.ZodOptional ? place.unwrap() : place;
  return inner instanceof z.ZodObject ? `known are ${Object.keys(inner.shape).join(', ')}` : 'remove it';
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 60));
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value);
  return `a value of type ${typeof value}`;
}

function invalid(option: string, message: string, received: unknown): EnginehouseError {
  return new EnginehouseError('CONFIG_INVALID', message, { option, received });
}
