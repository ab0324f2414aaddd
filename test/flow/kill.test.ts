/**
 * A server that is killed at one durable point after the other, while a client
 * watches a run of the analyst and never learns of it.
 */

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { z } from 'zod';

import { SAMPLES } from '../../examples/ledgers/generate.ts';
import { systemClock } from '../../src/base/clock.ts';
import { connect, followTree, type ClientRun, type EnginehouseClient, type TreeEvent } from '../../src/client/index.ts';
import { isTerminal } from '../../src/context/run-status.ts';
import { signToken } from '../../src/server/token.ts';
import { Folder, startServer, type ServerCommand } from '../support/command.ts';
import { asAdmin, freshDatabase, type FreshDatabase } from '../support/postgres-database.ts';
import { testStore } from '../support/test-store.ts';

const SECRET = 'a secret of at least thirty-two bytes';
const TOOLS = ['inspect_ledger', 'load_ledger', 'profile_ledger', 'price_ledger', 'estimate_savings', 'write_report'];

/** All points are tried where that takes no longer than this; on a slower machine every second, third, … */
const BUDGET_MS = { sqlite: 60_000, postgres: 20_000 }[testStore];

/** A server with its data folder, or its database; it is killed and started again at the same address. */
class House implements AsyncDisposable {
  readonly #folder: Folder;
  readonly #database: FreshDatabase | undefined;
  #server: ServerCommand;
  #restart: Promise<void> | undefined;
  url = '';

  private constructor(folder: Folder, database: FreshDatabase | undefined) {
    this.#folder = folder;
    this.#database = database;
    this.#server = this.#start('0');
  }

  static async open(): Promise<House> {
    const house = new House(await Folder.open(), testStore === 'postgres' ? await freshDatabase() : undefined);
    house.url = (await house.#server.ready()).url;
    return house;
  }

  killAndStart(): Promise<void> {
    return (this.#restart = this.#killAndStart());
  }

  async client(user: string): Promise<EnginehouseClient> {
    const token = await signToken(SECRET, { userId: user, expiresInMs: 600_000 }, systemClock);
    return connect({ url: this.url, token, attempts: Number.POSITIVE_INFINITY });
  }

  /** How many complete ledgers and how many rows each user has in their own tables, read beside the server. */
  async tables(): Promise<readonly object[]> {
    if (this.#database !== undefined) return asAdmin(this.#database.url, ROWS_OF_USERS);
    const folder = this.#folder.join('.enginehouse', 'users');
    const files = (await readdir(folder)).filter((name) => name.endsWith('.sqlite'));
    return files.map((name) => {
      using db = new DatabaseSync(join(folder, name), { readOnly: true });
      return { ...db.prepare(ROWS_OF_USER).get() };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#restart?.catch(() => undefined);
    await this.#server[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
    await this.#database?.[Symbol.asyncDispose]();
  }

  async #killAndStart(): Promise<void> {
    this.#server.kill('SIGKILL');
    await this.#server.ended;
    this.#server = this.#start(new URL(this.url).port);
    await this.#server.ready();
  }

  #start(port: string): ServerCommand {
    const database = this.#database === undefined ? {} : { DATABASE_URL: this.#database.url };
    const env = { ENGINEHOUSE_AUTH_SECRET: SECRET, ENGINEHOUSE_LOG: 'error', ...database };
    return startServer({ cwd: this.#folder.path, env, livesMs: 300_000 }, '--port', port);
  }
}

const resultSchema = z.object({ report: z.string() });

/** What a client saw of a run and of those below it. */
interface Watched {
  readonly seen: readonly TreeEvent[];
  readonly runs: readonly ClientRun[];
  /** The id of report.json. */
  readonly artifact: string;
}

/** Gives the analyst the sample and watches it to its end; `shown` is told of every event as it is shown. */
async function analyse(client: EnginehouseClient, shown: (count: number) => void): Promise<Watched> {
  const { artifactId } = await client.uploadArtifact(SAMPLES['sample.csv'], {
    title: 'sample.csv',
    mediaType: 'text/csv',
  });
  const root = client.start('analyst', { artifact: artifactId });
  const runs = new Map<string, ClientRun>();
  const seen: TreeEvent[] = [];
  const follow = (id: string): ClientRun => {
    const run = id === root.id ? root : client.run(id);
    runs.set(id, run);
    return run;
  };
  await followTree(root.id, follow, (event) => shown(seen.push(event)));
  const { result } = await root.result;
  return { seen, runs: [...runs.values()], artifact: resultSchema.parse(result).report };
}

/** The client sees an event once it is durable, so the kill comes at this point or a little after it. */
async function analyseAndKill(house: House, client: EnginehouseClient, point: number): Promise<Watched> {
  let restart: Promise<void> | undefined;
  try {
    return await analyse(client, (count) => {
      if (count !== point) return;
      restart = house.killAndStart();
      // Without a server there is nothing to wait for.
      restart.catch(() => client.close());
    });
  } finally {
    await restart;
  }
}

async function reportOf(client: EnginehouseClient, { artifact }: Watched): Promise<string> {
  return (await client.artifact(artifact)).text();
}

const ROWS_OF_USER = `
  SELECT (SELECT count(*) FROM enginehouse_analyst_ledger WHERE complete = 1) AS ledgers,
    (SELECT count(*) FROM enginehouse_analyst_row) AS rows`;

const ROWS_OF_USERS = `
  SELECT sum(complete)::integer AS ledgers, sum((
      SELECT count(*) FROM enginehouse_data.enginehouse_analyst_row r
        WHERE r.enginehouse_owner = l.enginehouse_owner
    ))::integer AS rows
    FROM enginehouse_data.enginehouse_analyst_ledger l GROUP BY enginehouse_owner`;

/** What was shown, against what the log has and what must be true of it. */
async function findings(client: EnginehouseClient, { seen, runs }: Watched): Promise<object> {
  const logs = await Promise.all(runs.map(async ({ id }) => [id, (await client.events(id)).events] as const));
  const shownOf = (id: string): readonly unknown[] =>
    seen.filter(({ runId }) => runId === id).map(({ event }) => event);
  return {
    runs: runs.length,
    verified: runs.every(({ proof }) => proof.verified),
    differs: logs.filter(([id, events]) => !isDeepStrictEqual(events, shownOf(id))).map(([id]) => id),
    ends: seen.filter(({ event }) => isTerminal(event.type)).map(({ event }) => event.type),
    tools: seen.flatMap(({ event }) =>
      event.type === 'tool_completed' ? [`${event.data.tool} ${event.data.outcome}`] : [],
    ),
  };
}

const SOUND = {
  runs: 5,
  verified: true,
  differs: [],
  ends: Array.from({ length: 5 }, () => 'agent_completed'),
  tools: TOOLS.map((tool) => `${tool} ok`),
};

test(
  'killed at any durable point, a run ends once, with the same report, and its client shows exactly the log',
  { timeout: 240_000 },
  async () => {
    await using house = await House.open();
    await using undisturbed = await house.client('nobody-kills-me');
    const startedAt = performance.now();
    const whole = await analyse(undisturbed, () => undefined);
    const report = await reportOf(undisturbed, whole);
    await house.killAndStart();
    const msPerPoint = performance.now() - startedAt;
    const total = whole.seen.length;
    const every = Math.max(1, Math.ceil((total * msPerPoint) / BUDGET_MS));
    console.log(`kill: ${total} durable points, every ${every === 1 ? 'one' : `${every}.`} is tried`);
    expect(await findings(undisturbed, whole)).toEqual(SOUND);

    let users = 1;
    for (let point = 1; point <= total; point += every) {
      await using client = await house.client(`killed-at-${point}`);
      users += 1;

      const watched = await analyseAndKill(house, client, point);

      expect({ point, ...(await findings(client, watched)) }).toEqual({ point, ...SOUND });
      const tables = Array.from({ length: users }, () => ({ ledgers: 1, rows: 2_000 }));
      expect({ point, tables: await house.tables() }).toEqual({ point, tables });
      expect(await reportOf(client, watched)).toBe(report);
    }
  },
);
