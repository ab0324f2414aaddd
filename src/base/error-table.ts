/**
 * Every error code, once: what its `details` hold, the HTTP status, whether a
 * retry can help, and the cure. `docs/errors.md` is tested against this table,
 * and a code without its facts does not compile.
 */

import { KIT_FACTS } from './kit-error-facts.ts';

/** Whether the same request can succeed later. */
export type Retry = 'no' | 'now' | 'after';

interface Facts {
  readonly status: number;
  readonly retry: Retry;
  readonly cure: string;
}

/** What each code's `details` hold. Adding a line here and one in `FACTS` adds a code. */
export interface ErrorDetails {
  /** An option is missing, unknown or out of range. */
  CONFIG_INVALID: { readonly option: string; readonly received: unknown };
  /** The configuration file cannot be found, loaded, or has no configuration in it. */
  CONFIG_NOT_LOADED: { readonly file: string; readonly reason: string };
  /** The address is in use by another process. */
  PORT_IN_USE: { readonly host: string; readonly port: number };
  /** Without authentication the server listens on loopback only. */
  AUTH_REQUIRED: { readonly host: string };
  /** A boot phase failed. */
  STARTUP_FAILED: { readonly phase: string; readonly reason: string };
  /** Something is used after it was closed. */
  CLOSED: { readonly what: string };
  /** A named step did not end in its time. */
  DEADLINE: { readonly what: string; readonly timeoutMs: number };

  /** No factory in this scope or process. */
  FACTORY_NOT_CONFIGURED: Record<string, never>;
  /** A factory was constructed without one of its parts. */
  FACTORY_PART_MISSING: { readonly part: string };
  /** A second factory while the first lives. */
  FACTORY_ALREADY_CONFIGURED: Record<string, never>;
  /** The factory was closed. */
  FACTORY_CLOSED: Record<string, never>;
  /** A user has too many engines that nobody disposed. */
  ENGINES_NOT_DISPOSED: { readonly userId: string; readonly limit: number };
  /** An engine is used after it was disposed. */
  ENGINE_DISPOSED: { readonly runId: string };

  /** An id is empty, too long or holds control characters. */
  ID_INVALID: { readonly field: string; readonly received: unknown };
  /** A context field is malformed, too large or too deep. */
  CONTEXT_INVALID: { readonly field: string; readonly reason: string };
  /** Unknown, or somebody else's: the two are not told apart. */
  NOT_FOUND: { readonly what: string; readonly id: string };
  /** No agent of that name is registered. */
  AGENT_UNKNOWN: { readonly agent: string; readonly known: readonly string[] };
  /** Two agents of one name, or a name that is reserved or malformed. */
  AGENT_INVALID: { readonly agent: string; readonly reason: string };
  /** The input does not match the agent's schema, or is not JSON. */
  INPUT_INVALID: { readonly what: string; readonly issues: readonly string[] };
  /** The same run id was started with another input. */
  RUN_ID_CONFLICT: { readonly runId: string };
  /** The user's queue is full. */
  QUEUE_FULL: { readonly userId: string; readonly limit: number };
  /** A run nests too deep or has too many children at once. */
  CHILD_LIMIT: { readonly limit: string; readonly max: number };
  /** The run used up its active time. */
  RUN_TIMEOUT: { readonly runId: string; readonly timeoutMs: number };
  /** The run has ended; nothing can be written to it. */
  RUN_ENDED: { readonly runId: string };
  /** The run was cancelled. */
  RUN_CANCELLED: { readonly runId: string; readonly reason: string };
  /** An agent ended without a result. */
  AGENT_RETURNED_NOTHING: { readonly agent: string };
  /** An agent threw something that is not ours. */
  AGENT_THREW: { readonly reason: string };
  /** An agent held the event loop, and with it every user. */
  EVENT_LOOP_BLOCKED: { readonly agent: string; readonly blockedMs: number; readonly limitMs: number };
  /** What the agent does now is not what the record says it did. */
  STEP_MISMATCH: { readonly runId: string; readonly recorded: string; readonly requested: string };
  /** A result, an event or an input is larger than allowed, or not JSON. */
  EVENT_INVALID: { readonly type: string; readonly reason: string };

  /** A tool name that the agent does not have. */
  TOOL_UNKNOWN: { readonly tool: string; readonly known: readonly string[] };
  /** The user's role may not use the tool. */
  TOOL_DENIED: { readonly tool: string; readonly role: string };
  /** A tool did not settle within its deadline. */
  TOOL_TIMEOUT: { readonly tool: string; readonly timeoutMs: number };
  /** A tool threw something that is not ours. */
  TOOL_FAILED: { readonly reason: string };
  /** A tool was running when its worker died, and is not idempotent. */
  TOOL_OUTCOME_UNKNOWN: { readonly tool: string; readonly call: string };

  /** The writer no longer holds the run. */
  LEASE_LOST: { readonly runId: string; readonly generation: number };
  /** An append did not follow the log's head. */
  LOG_CONFLICT: { readonly runId: string; readonly expected: number; readonly head: number };
  /** The store was written by a newer version. */
  STORE_NEWER: { readonly file: string; readonly found: number; readonly known: number };
  /** Another process holds the data folder. */
  STORE_IN_USE: { readonly file: string };
  /** The store was opened to be read, and something would change it. */
  STORE_READ_ONLY: { readonly file: string; readonly operation: string };
  /** The disk, or the store's own size limit, is full. */
  STORE_FULL: { readonly file: string };
  /** The store failed in another way. */
  STORE_FAILED: { readonly operation: string; readonly reason: string };

  /** The application declares no tables. */
  DATABASE_NOT_CONFIGURED: Record<string, never>;
  /** A statement is not allowed on a user's database. */
  DATABASE_DENIED: { readonly action: string };
  /** A statement or a transaction took too long. */
  DATABASE_TIMEOUT: { readonly what: string; readonly timeoutMs: number };
  /** A statement failed in the database. */
  DATABASE_FAILED: { readonly sql: string; readonly reason: string };
  /** A result is larger than a caller may take. */
  DATABASE_RESULT_TOO_LARGE: { readonly limitBytes: number };
  /** Too many transactions wait for a database. */
  DATABASE_BUSY: { readonly waiting: number };
  /** A migration is malformed, changed after it ran, or failed. */
  MIGRATION_FAILED: { readonly migration: string; readonly reason: string };
  /** The database waits for migrations that this runtime may not run. */
  MIGRATION_PENDING: { readonly pending: readonly string[] };

  /** No valid token. */
  UNAUTHENTICATED: { readonly reason: string };
  /** The Origin or Host is not allowed. */
  FORBIDDEN: { readonly header: string; readonly received: string };
  /** A frame is not JSON, not known in shape, or too large. */
  FRAME_INVALID: { readonly reason: string };
  /** A request's body or query is malformed. */
  REQUEST_INVALID: { readonly what: string; readonly issues: readonly string[] };
  /** The path exists, but not for this method. */
  METHOD_NOT_ALLOWED: { readonly method: string; readonly allowed: readonly string[] };
  /** The range lies outside the content. */
  RANGE_INVALID: { readonly received: string; readonly bytes: number };
  /** A body, file or frame is larger than allowed. */
  TOO_LARGE: { readonly what: string; readonly limitBytes: number };
  /** A limit on frames, sockets or subscriptions was reached. */
  LIMIT_REACHED: { readonly limit: string; readonly max: number };
  /** A connection was lost and could not be had again in time. */
  DISCONNECTED: { readonly reason: string };
  /** What a client shows of a run is not what the log holds, or that cannot be proven. */
  STREAM_RESET: { readonly runId: string; readonly why: 'epoch' | 'crc' };
  /** The server is closing. */
  DRAINING: Record<string, never>;

  /** A ledger is not one: no known columns, or no rows. */
  LEDGER_INVALID: { readonly file: string; readonly reason: string };
  /** After a test's cleanup something of its runtime is still there. */
  CLEANUP_INCOMPLETE: { readonly left: readonly string[] };
  /** A part of the test kit is used before it was initialised, or after its test. */
  TEST_KIT_MISUSED: { readonly part: string };
  /** A run's timeline is not what a test expected of it. */
  TIMELINE_MISMATCH: { readonly pattern: string };
  /** The sockets of a user were told something that a test expected them not to be. */
  SEEN_SOMETHING: { readonly frames: readonly string[] };
  /** A test's boot is not the boot of production. */
  BOOT_DIFFERS: { readonly entry: string; readonly differences: readonly string[] };
  /** The production entry that a test's boot is compared with did not boot. */
  PRODUCTION_NOT_STARTED: { readonly entry: string; readonly reason: string };
  /** A suite fails without a defect, so a defect would tell nothing. */
  SUITE_FAILED: { readonly command: string; readonly reason: string };
  /** A handle of a test is used after the test. */
  AFTER_TEST: { readonly test: string; readonly handle: string };
  /** What a test opened is still open after it. */
  TEST_LEFT_OPEN: {
    readonly left: readonly {
      readonly kind: string;
      readonly name: string;
      readonly owner: string | undefined;
      /** Where it was opened: the caller's own frames, the nearest first. */
      readonly origin: string | undefined;
    }[];
  };
  /** What belongs to one user was seen in the data of another. */
  ISOLATION_BROKEN: {
    readonly sightings: readonly {
      readonly where: string;
      readonly owner: string;
      readonly what: string;
      /** In whose data; `undefined` where nobody's may be. */
      readonly seenBy: string | undefined;
      readonly excerpt: string;
      readonly path: string | undefined;
    }[];
  };
  /** Something that holds for every run does not hold for these. */
  INVARIANT_BROKEN: { readonly runs: readonly { readonly runId: string; readonly broken: readonly string[] }[] };
  /** A fault that a test asked for did not strike as often as it should have. */
  FAULT_NOT_STRUCK: { readonly fault: string; readonly strikes: number; readonly times: number };
  /** No PostgreSQL for tests: no server is named, and no binaries are installed. */
  POSTGRES_NOT_FOUND: { readonly lookedFor: readonly string[] };
  /** A PostgreSQL server for tests could not be started or reached. */
  POSTGRES_NOT_STARTED: { readonly step: string; readonly reason: string };
  /** A model of a test is asked, and has no script. */
  MODEL_UNKNOWN: { readonly model: string; readonly known: readonly string[] };
  /** A model of a test is asked more often than its scripts answer. */
  MODEL_SCRIPT_EXHAUSTED: {
    readonly model: string;
    readonly call: number;
    readonly lastUserMessage: string;
    readonly writtenAt: string;
  };
  /** A test ended, and a model was not asked all that its script answers. */
  MODEL_SCRIPT_UNUSED: { readonly model: string; readonly left: string; readonly writtenAt: string };
  /** More than one script, or conversation, of a model would answer a call, each in another way. */
  MODEL_SCRIPT_AMBIGUOUS: {
    readonly model: string;
    readonly call: number;
    readonly reason: string;
    readonly writtenAt: readonly string[];
  };
  /** A model of a test is asked something else than its script expects. */
  MODEL_CALL_UNEXPECTED: {
    readonly model: string;
    readonly call: number;
    readonly expected: string;
    readonly received: string;
  };
  /** The process of a test's worker could not be started, or ended by itself. */
  WORKER_FAILED: { readonly step: string; readonly reason: string; readonly output: string };
  /** A worker was to be killed at a point that never came. */
  KILL_NOT_REACHED: { readonly at: string; readonly came: readonly string[] };
  /** With a crash at one point a scenario does not end as it does without. */
  CRASH_SWEEP_FAILED: {
    readonly point: number;
    readonly moment: string;
    readonly what: string;
    readonly replay: string;
  };
  /** A fault of the house itself. */
  INTERNAL: { readonly reason: string };
}

export type ErrorCode = keyof ErrorDetails;

export const FACTS: { readonly [C in ErrorCode]: Facts } = {
  CONFIG_INVALID: { status: 500, retry: 'no', cure: 'Correct the option that the message names.' },
  CONFIG_NOT_LOADED: {
    status: 500,
    retry: 'no',
    cure: 'Export default defineConfig({ … }) from enginehouse.config.ts, or name the file with --config.',
  },
  PORT_IN_USE: { status: 500, retry: 'no', cure: 'Stop the other process or choose another port with --port or PORT.' },
  AUTH_REQUIRED: {
    status: 500,
    retry: 'no',
    cure: 'Set auth.secret (or ENGINEHOUSE_AUTH_SECRET), or listen on 127.0.0.1.',
  },
  STARTUP_FAILED: { status: 500, retry: 'no', cure: 'Read the reason and the cause; run `enginehouse doctor`.' },
  CLOSED: { status: 503, retry: 'no', cure: 'Use it before close(), or make a new one.' },
  DEADLINE: { status: 504, retry: 'now', cure: 'Look at what the named step waits for, or raise its limit.' },

  FACTORY_NOT_CONFIGURED: {
    status: 500,
    retry: 'no',
    cure:
      "In a test, take the fixture executionEngineFactoryTestInitialized from 'enginehouse/testing/vitest', or call " +
      "`await using factory = await configureExecutionEngineFactoryForTest()` from 'enginehouse/testing'. " +
      'In an application, call configureExecutionEngineFactory(await startup(config)) once. ' +
      'A test that used mocks: node_modules/enginehouse/docs/from-mocks.md',
  },
  FACTORY_PART_MISSING: {
    status: 500,
    retry: 'no',
    cure: 'Let startup(config) make the factory; it gives it every part.',
  },
  FACTORY_ALREADY_CONFIGURED: {
    status: 500,
    retry: 'no',
    cure: 'Close the first runtime before configuring a second, or pass runtimes as values.',
  },
  FACTORY_CLOSED: { status: 503, retry: 'no', cure: 'Ask the runtime that is alive for its factory.' },
  ENGINES_NOT_DISPOSED: {
    status: 429,
    retry: 'no',
    cure: 'Write `await using engine = await factory.createForUser(context)`, or use userExecutionScope().',
  },
  ENGINE_DISPOSED: { status: 409, retry: 'no', cure: 'Make a new engine for a new run.' },

  ID_INVALID: { status: 400, retry: 'no', cure: 'Use 1 to 128 characters without control characters.' },
  CONTEXT_INVALID: { status: 400, retry: 'no', cure: 'Correct the field that the message names.' },
  NOT_FOUND: { status: 404, retry: 'no', cure: 'Check the id, and that it belongs to the signed-in user.' },
  AGENT_UNKNOWN: { status: 404, retry: 'no', cure: 'Use one of the known names, or register the agent in the config.' },
  AGENT_INVALID: { status: 500, retry: 'no', cure: 'Give each agent its own name: letters, digits, "-" and "_".' },
  INPUT_INVALID: { status: 400, retry: 'no', cure: 'Send input that matches the schema of the agent or tool.' },
  RUN_ID_CONFLICT: { status: 409, retry: 'no', cure: 'Use a new run id for a new input.' },
  QUEUE_FULL: {
    status: 429,
    retry: 'after',
    cure: 'Wait for a run to end, or cancel one; limits.queuePerUser bounds the queue.',
  },
  CHILD_LIMIT: { status: 409, retry: 'no', cure: 'Start fewer child runs at once, or nest them less deeply.' },
  RUN_TIMEOUT: { status: 504, retry: 'now', cure: 'Split the work, or raise limits.runTimeoutMs.' },
  RUN_ENDED: { status: 409, retry: 'no', cure: 'Start a new run.' },
  RUN_CANCELLED: { status: 409, retry: 'no', cure: 'Start a new run if the work is still wanted.' },
  AGENT_RETURNED_NOTHING: {
    status: 500,
    retry: 'no',
    cure: 'Return a JSON value from run(); return null if there is nothing to say.',
  },
  AGENT_THREW: {
    status: 500,
    retry: 'no',
    cure: 'Read the reason; the cause with its stack is in the server log under this ref.',
  },
  EVENT_LOOP_BLOCKED: {
    status: 500,
    retry: 'no',
    cure: 'Move the work to a worker thread or a child process, or await between parts of it.',
  },
  STEP_MISMATCH: {
    status: 409,
    retry: 'no',
    cure: 'Keep step names and their order stable for runs in flight, or give the agent a new version and a migration.',
  },
  EVENT_INVALID: {
    status: 400,
    retry: 'no',
    cure: 'Keep events under 64 KB of JSON; put larger things in an artifact.',
  },

  TOOL_UNKNOWN: { status: 404, retry: 'no', cure: 'Add the tool to the agent, or call one that it has.' },
  TOOL_DENIED: { status: 403, retry: 'no', cure: 'Sign in with a role that the tool allows.' },
  TOOL_TIMEOUT: { status: 504, retry: 'now', cure: "Raise the tool's timeoutMs, or make it do less in one call." },
  TOOL_FAILED: {
    status: 500,
    retry: 'no',
    cure: 'Read the reason; the cause with its stack is in the server log under this ref.',
  },
  TOOL_OUTCOME_UNKNOWN: {
    status: 500,
    retry: 'no',
    cure: 'Check what the tool did, or declare it idempotent so that it is run again with the same call id.',
  },

  LEASE_LOST: { status: 409, retry: 'now', cure: 'Nothing to do: another owner carries the run on.' },
  LOG_CONFLICT: { status: 409, retry: 'now', cure: 'Read the head again and append after it.' },
  STORE_NEWER: {
    status: 500,
    retry: 'no',
    cure: 'Start the version that wrote the store, or a newer one, or choose another data folder.',
  },
  STORE_IN_USE: {
    status: 500,
    retry: 'no',
    cure: 'Stop the other process, or choose another folder with --data or ENGINEHOUSE_DATA.',
  },
  STORE_READ_ONLY: {
    status: 500,
    retry: 'no',
    cure: 'Ask the process that runs on this data folder, or stop it and open the folder without readOnly.',
  },
  STORE_FULL: {
    status: 507,
    retry: 'after',
    cure: 'Free disk space or raise store.maxBytes; runs go on by themselves then.',
  },
  STORE_FAILED: {
    status: 500,
    retry: 'after',
    cure: 'Look at the disk and the server log; runs go on by themselves once the store works.',
  },

  DATABASE_NOT_CONFIGURED: {
    status: 500,
    retry: 'no',
    cure: 'Declare tables: defineConfig({ database: { migrations: { … } } }).',
  },
  DATABASE_DENIED: { status: 403, retry: 'no', cure: 'Use plain statements on your own tables.' },
  DATABASE_TIMEOUT: {
    status: 504,
    retry: 'now',
    cure: 'Make the statement cheaper, add an index, or split the transaction.',
  },
  DATABASE_FAILED: { status: 500, retry: 'no', cure: 'Correct the statement; the reason is the database’s own.' },
  DATABASE_RESULT_TOO_LARGE: { status: 413, retry: 'no', cure: 'Select fewer rows or columns, or page through them.' },
  DATABASE_BUSY: { status: 503, retry: 'after', cure: 'Keep transactions short, or raise limits.databaseWorkers.' },
  MIGRATION_FAILED: {
    status: 500,
    retry: 'no',
    cure: 'Correct the migration; one that has run is never changed, add a new one.',
  },
  MIGRATION_PENDING: {
    status: 500,
    retry: 'no',
    cure: 'Run `enginehouse database migrate` with a DATABASE_URL whose role may migrate, and the same ENGINEHOUSE_DATABASE_SECRET.',
  },

  UNAUTHENTICATED: { status: 401, retry: 'no', cure: 'Send Authorization: Bearer with a valid token.' },
  FORBIDDEN: {
    status: 403,
    retry: 'no',
    cure: 'Add the origin to auth.allowedOrigins, or the host to server.allowedHosts.',
  },
  FRAME_INVALID: {
    status: 400,
    retry: 'no',
    cure: 'Send one JSON object per text frame, as docs/protocol.md describes.',
  },
  REQUEST_INVALID: { status: 400, retry: 'no', cure: 'Correct the fields that the message names.' },
  METHOD_NOT_ALLOWED: { status: 405, retry: 'no', cure: 'Use one of the methods that the Allow header names.' },
  RANGE_INVALID: {
    status: 416,
    retry: 'no',
    cure: 'Ask for bytes inside the content; the Content-Range header names its length.',
  },
  TOO_LARGE: { status: 413, retry: 'no', cure: 'Send less, or upload it as an artifact.' },
  LIMIT_REACHED: { status: 429, retry: 'after', cure: 'Send less at a time, or close connections that are not used.' },
  DISCONNECTED: { status: 503, retry: 'now', cure: 'Check that the server runs and can be reached, then try again.' },
  STREAM_RESET: {
    status: 409,
    retry: 'now',
    cure: 'Drop what was shown of the run and iterate it again; it is read from its start.',
  },
  DRAINING: { status: 503, retry: 'after', cure: 'Try again in a moment; the server is restarting.' },

  LEDGER_INVALID: {
    status: 400,
    retry: 'no',
    cure: 'Give a CSV with a header, or JSONL, with a time and token counts per request.',
  },
  ...KIT_FACTS,
  INTERNAL: { status: 500, retry: 'no', cure: 'This is a fault of Enginehouse; report it with the ref.' },
};
