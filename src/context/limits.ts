/**
 * Every limit, once. All are finite; each is enforced where its comment says
 * and reached by a test. `docs/limits.md` is tested against this table.
 * `fixed` ones are part of the protocol or the data and cannot be configured.
 */

interface Limit {
  readonly default: number;
  readonly least: number;
  readonly unit: 'bytes' | 'ms' | 'count' | 'per second';
  readonly about: string;
  readonly fixed?: true;
}

// prettier-ignore
export const LIMITS = {
  // who runs
  runsPerUser: { default: 4, least: 1, unit: 'count', about: 'runs of one user that are active at once; more wait in the queue' },
  runsTotal: { default: 1_000, least: 1, unit: 'count', about: 'runs active at once in this process' },
  queuePerUser: { default: 100, least: 0, unit: 'count', about: 'runs of one user that wait; more are refused with QUEUE_FULL' },
  enginesPerUser: { default: 64, least: 1, unit: 'count', about: 'undisposed engines of one user; more are refused with ENGINES_NOT_DISPOSED' },
  runsPerEngine: { default: 3, least: 1, unit: 'count', about: 'further runs that one engine carries at once beside its own' },
  childRuns: { default: 8, least: 1, unit: 'count', about: 'child runs of one run at once' },
  contextDepth: { default: 10, least: 10, unit: 'count', about: 'levels of operations and child runs below a request', fixed: true },
  runTimeoutMs: { default: 300_000, least: 1, unit: 'ms', about: 'active time of one run, from its first start' },
  toolTimeoutMs: { default: 30_000, least: 1, unit: 'ms', about: 'one tool call, unless the tool says otherwise' },
  cancelGraceMs: { default: 2_000, least: 0, unit: 'ms', about: 'what an agent gets to settle after its signal aborted, before its run is ended without it' },
  drainTimeoutMs: { default: 10_000, least: 0, unit: 'ms', about: 'what running runs get when an engine or the runtime closes' },
  blockedLoopMs: { default: 5_000, least: 100, unit: 'ms', about: 'how long an agent may hold the event loop before its run fails' },

  // what is kept
  eventBytes: { default: 65_536, least: 65_536, unit: 'bytes', about: 'one event', fixed: true },
  inlineBytes: { default: 32_768, least: 32_768, unit: 'bytes', about: 'an input or a result inside an event; larger ones become artifacts', fixed: true },
  metadataBytes: { default: 16_384, least: 16_384, unit: 'bytes', about: 'metadata of a context', fixed: true },
  emitterBytes: { default: 1_048_576, least: 65_536, unit: 'bytes', about: 'events of one run that wait for their commit' },
  commitBytes: { default: 262_144, least: 65_536, unit: 'bytes', about: 'one group commit' },
  artifactBytes: { default: 268_435_456, least: 1, unit: 'bytes', about: 'one artifact' },
  resultBytes: { default: 8_388_608, least: 65_536, unit: 'bytes', about: 'one input or result of an agent, a step or a tool' },
  storeConnections: { default: 4, least: 2, unit: 'count', about: 'connections of the log to PostgreSQL, half of them for commits; one more, idle, holds the database' },
  storeTimeoutMs: { default: 10_000, least: 100, unit: 'ms', about: 'waiting for a connection to PostgreSQL, connecting, and one statement of the log, each' },

  // agent data
  databaseWorkers: { default: 4, least: 1, unit: 'count', about: 'database transactions that run at once' },
  databaseWaiting: { default: 256, least: 0, unit: 'count', about: 'database transactions that wait; more are refused with DATABASE_BUSY' },
  databaseOpen: { default: 64, least: 1, unit: 'count', about: "users' databases that one worker keeps open" },
  statementTimeoutMs: { default: 30_000, least: 1, unit: 'ms', about: 'one SQL statement of an agent or a tool' },
  transactionTimeoutMs: { default: 60_000, least: 1, unit: 'ms', about: 'one database transaction' },
  databaseBytes: { default: 1_073_741_824, least: 1_048_576, unit: 'bytes', about: "one user's database; what would make it larger fails" },
  databaseResultBytes: { default: 16_777_216, least: 1_024, unit: 'bytes', about: 'what one statement may return' },

  // sockets
  frameBytes: { default: 65_536, least: 1_024, unit: 'bytes', about: 'one inbound frame' },
  framesPerSecond: { default: 50, least: 1, unit: 'per second', about: 'inbound frames of one connection, on average' },
  frameBurst: { default: 100, least: 1, unit: 'count', about: 'inbound frames of one connection at once' },
  socketsPerUser: { default: 20, least: 1, unit: 'count', about: 'connections of one user' },
  subscriptionsPerUser: { default: 200, least: 1, unit: 'count', about: 'subscriptions of one user over all connections' },
  socketBufferBytes: { default: 65_536, least: 1_024, unit: 'bytes', about: 'unsent bytes of one socket above which nothing more is given to it' },
  windowBytes: { default: 262_144, least: 4_096, unit: 'bytes', about: 'bytes sent to one client that it has not acknowledged' },
  helloTimeoutMs: { default: 5_000, least: 1, unit: 'ms', about: 'from the upgrade to the hello frame' },
  pingMs: { default: 25_000, least: 10, unit: 'ms', about: 'between pings of a connection; gone after two misses' },
  slowClientMs: { default: 30_000, least: 10, unit: 'ms', about: 'without progress and with data pending, after which a connection is closed with 4508' },
  coalesceMs: { default: 25, least: 0, unit: 'ms', about: 'the longest that a busy connection gathers events' },

  // HTTP
  inputDepth: { default: 128, least: 128, unit: 'count', about: 'levels of lists and objects in an input, a result or an event', fixed: true },
  requestBytes: { default: 1_048_576, least: 1_024, unit: 'bytes', about: 'one JSON body' },
  pageSize: { default: 100, least: 1, unit: 'count', about: 'rows of one page of a listing, and events of one page of a log are ten times as many' },
  readinessTimeoutMs: { default: 5_000, least: 1, unit: 'ms', about: 'the event round trip of readiness' },
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof LIMITS;

type FixedName = {
  [Name in LimitName]: (typeof LIMITS)[Name] extends { readonly fixed: true } ? Name : never;
}[LimitName];

/** What an application may set; each is a whole number. */
export type LimitOptions = { readonly [Name in Exclude<LimitName, FixedName>]?: number | undefined };

/** All limits, decided. */
export type Limits = { readonly [Name in LimitName]: number };
