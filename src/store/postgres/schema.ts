/**
 * The system's tables in PostgreSQL, and the functions that say whose rows a
 * transaction may see.
 *
 *   T1. Every row carries its owner, and a forced policy compares it with the
 *       principal. `(SELECT enginehouse.owners())` is evaluated once per
 *       statement, before any row is read, and an index can use it.
 *   T2. What a run is (`runs`) never changes. Who writes it and where its log
 *       stands (`states`) changes with every append: that row is what an append
 *       compares and sets, so a writer that lost its lease writes nothing.
 *   T3. An artifact without a digest is being written; nobody can see it.
 *   T4. A migration that was published is never changed.
 *   T5. `keys`, `settings` and `migrations` are for the owner role alone.
 *
 * Times are double precision, JavaScript's own number, so that every one is kept exactly.
 */

const FUNCTIONS = `
CREATE TABLE enginehouse.keys (
  name text PRIMARY KEY,
  inner_block bytea NOT NULL,
  outer_block bytea NOT NULL
);

-- The owners that the transaction may act for: none unless the principal is genuine and in time.
CREATE FUNCTION enginehouse.owners() RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  principal text := current_setting('enginehouse.principal', true);
  cut integer := strpos(principal, E'\\n');
  said text := substr(principal, cut + 1);
  parts text[] := string_to_array(said, E'\\n');
  key record;
BEGIN
  IF cut IS NULL OR cut = 0 OR parts[1] !~ '^[0-9]{1,15}$' OR array_length(parts, 1) < 2 THEN
    RETURN '{}';
  END IF;
  SELECT inner_block, outer_block INTO key FROM enginehouse.keys WHERE name = 'principal';
  -- Hashed once more before they are compared, so that the time it takes tells nothing.
  IF sha256(convert_to(left(principal, cut - 1), 'UTF8')) IS DISTINCT FROM
     sha256(convert_to(encode(sha256(key.outer_block || sha256(key.inner_block || convert_to(said, 'UTF8'))), 'hex'), 'UTF8'))
  THEN
    RETURN '{}';
  END IF;
  IF parts[1]::bigint < extract(epoch FROM clock_timestamp()) THEN
    RETURN '{}';
  END IF;
  RETURN parts[2:];
END
$$;

-- The first owner that is claimed, for defaults of columns. It proves nothing: the policy checks the row.
CREATE FUNCTION enginehouse.claimed_owner() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN split_part(current_setting('enginehouse.principal', true), E'\\n', 3);
`;

const TABLES = `
CREATE TABLE enginehouse.threads (
  owner text COLLATE "C" NOT NULL,
  thread_id text COLLATE "C" NOT NULL,
  created_at double precision NOT NULL,
  updated_at double precision NOT NULL,
  PRIMARY KEY (owner, thread_id)
);
CREATE INDEX threads_newest ON enginehouse.threads (owner, updated_at, thread_id);

CREATE TABLE enginehouse.runs (
  run bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  owner text COLLATE "C" NOT NULL,
  run_id text COLLATE "C" NOT NULL,
  thread_id text COLLATE "C" NOT NULL,
  agent text NOT NULL,
  version text NOT NULL,
  origin text NOT NULL,
  parent_run_id text COLLATE "C",
  input_digest text NOT NULL,
  context text NOT NULL,
  epoch text NOT NULL,
  accepted_at double precision NOT NULL,
  UNIQUE (owner, run_id)
);
CREATE INDEX runs_newest ON enginehouse.runs (owner, accepted_at, run_id);
CREATE INDEX runs_by_thread ON enginehouse.runs (owner, thread_id, accepted_at, run_id);
CREATE INDEX runs_by_parent ON enginehouse.runs (owner, parent_run_id, accepted_at, run_id) WHERE parent_run_id IS NOT NULL;

-- Half of each page is left free, so that an append changes its row in place (a heap-only tuple) and no index.
CREATE TABLE enginehouse.states (
  run bigint PRIMARY KEY REFERENCES enginehouse.runs ON DELETE CASCADE,
  owner text COLLATE "C" NOT NULL,
  run_id text COLLATE "C" NOT NULL,
  origin text NOT NULL,
  accepted_at double precision NOT NULL,
  holder text NOT NULL,
  generation integer NOT NULL,
  status text NOT NULL,
  ended_at double precision,
  head integer NOT NULL,
  crc bigint NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX states_unfinished ON enginehouse.states (accepted_at, run) WHERE ended_at IS NULL;

CREATE TABLE enginehouse.events (
  run bigint NOT NULL,
  seq integer NOT NULL,
  owner text COLLATE "C" NOT NULL,
  type text NOT NULL,
  at double precision NOT NULL,
  crc bigint NOT NULL,
  data text NOT NULL,
  PRIMARY KEY (run, seq)
);

CREATE TABLE enginehouse.commands (
  command bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  owner text COLLATE "C" NOT NULL,
  command_id text COLLATE "C" NOT NULL,
  run bigint NOT NULL REFERENCES enginehouse.runs ON DELETE CASCADE,
  run_id text NOT NULL,
  op text NOT NULL,
  args text NOT NULL,
  at double precision NOT NULL,
  applied_seq integer,
  UNIQUE (owner, command_id)
);
CREATE INDEX commands_by_run ON enginehouse.commands (run, command);

CREATE TABLE enginehouse.artifacts (
  artifact bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  owner text COLLATE "C" NOT NULL,
  artifact_id text COLLATE "C" NOT NULL,
  run_id text COLLATE "C",
  kind text NOT NULL,
  title text NOT NULL,
  media_type text NOT NULL,
  created_at double precision NOT NULL,
  bytes bigint,
  digest text
);
CREATE UNIQUE INDEX artifacts_whole ON enginehouse.artifacts (owner, artifact_id) WHERE digest IS NOT NULL;
CREATE INDEX artifacts_unfinished ON enginehouse.artifacts (artifact) WHERE digest IS NULL;
CREATE INDEX artifacts_by_run ON enginehouse.artifacts (owner, run_id) WHERE run_id IS NOT NULL;

-- Not compressed: a piece is read by its place, and most content is compressed already.
CREATE TABLE enginehouse.pieces (
  artifact bigint NOT NULL REFERENCES enginehouse.artifacts ON DELETE CASCADE,
  place integer NOT NULL,
  owner text COLLATE "C" NOT NULL,
  content bytea NOT NULL,
  PRIMARY KEY (artifact, place)
);
ALTER TABLE enginehouse.pieces ALTER COLUMN content SET STORAGE EXTERNAL;

-- The one read that is not bound to an owner: keys of runs that recovery takes up, no data. A tenant narrows it.
CREATE FUNCTION enginehouse.unfinished(tenant text) RETURNS TABLE (owner text, run_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT s.owner, s.run_id FROM enginehouse.states s
   WHERE s.ended_at IS NULL AND s.origin <> 'agent' AND (tenant IS NULL OR s.owner::json ->> 0 = tenant)
   ORDER BY s.accepted_at, s.run;
END;

-- What a crash left of uploads: nobody can see it, so nobody but the owner role can take it away.
CREATE FUNCTION enginehouse.drop_leftovers(tenant text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  DELETE FROM enginehouse.artifacts a WHERE a.digest IS NULL AND (tenant IS NULL OR a.owner::json ->> 0 = tenant);
END;

-- Takes the database for one runtime, or one tenant of it, until the transaction ends; see exclusive-use.ts.
CREATE FUNCTION enginehouse.hold(whole bigint, tenant bigint) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT CASE WHEN tenant IS NULL THEN pg_try_advisory_xact_lock(whole)
              WHEN pg_try_advisory_xact_lock_shared(whole) THEN pg_try_advisory_xact_lock(tenant)
              ELSE false END;
END;

-- Who has taken it, for a message.
CREATE FUNCTION enginehouse.holders(whole bigint, tenant bigint) RETURNS TABLE (pid integer, name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT a.pid, a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
   WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.pid <> pg_backend_pid()
     AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
     AND (l.classid::bigint << 32 | l.objid::bigint) IN (whole, tenant) AND (tenant IS NULL OR l.mode = 'ExclusiveLock')
   ORDER BY a.backend_start;
END;

-- Which migrations ran, for a runtime that may not run them.
CREATE FUNCTION enginehouse.applied() RETURNS TABLE (part text, name text, checksum text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT m.part, m.name, m.checksum FROM enginehouse.migrations m;
END;
`;

/** Tables with rows of users, in the schema of the system. */
const OWNED = ['threads', 'runs', 'states', 'events', 'commands', 'artifacts', 'pieces'] as const;

/** Functions that the log's role may call. */
const FOR_SYSTEM = [
  'unfinished(text)',
  'drop_leftovers(text)',
  'hold(bigint, bigint)',
  'holders(bigint, bigint)',
  'applied()',
] as const;

/** One step of the system's own migrations; `roles` are quoted as the identifiers they are. */
export interface SystemMigration {
  readonly name: string;
  readonly sql: (roles: { readonly owner: string; readonly system: string; readonly agent: string }) => string;
}

export const SYSTEM_MIGRATIONS: readonly SystemMigration[] = [
  { name: '001_tables', sql: ({ owner, system, agent }) => `${FUNCTIONS}${TABLES}${rights(owner, system, agent)}` },
];

/** The newest schema that this version of Enginehouse knows. */
export const SCHEMA_VERSION = SYSTEM_MIGRATIONS.length;

/** What must be there before the first migration can be noted. */
export const RECORD = `
CREATE TABLE enginehouse.settings (
  name text PRIMARY KEY,
  value text NOT NULL
);
CREATE TABLE enginehouse.migrations (
  part text NOT NULL,
  name text COLLATE "C" NOT NULL,
  checksum text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (part, name)
);
`;

function rights(owner: string, system: string, agent: string): string {
  return [
    ...OWNED.flatMap((table) => [
      ...forced(table),
      `CREATE POLICY own ON enginehouse.${table} USING (owner = ANY ((SELECT enginehouse.owners())::text[]))`,
      `GRANT SELECT, INSERT, UPDATE, DELETE ON enginehouse.${table} TO ${system}`,
    ]),
    // For enginehouse.unfinished() and drop_leftovers(), which run as the owner.
    `CREATE POLICY keys ON enginehouse.states FOR SELECT TO ${owner} USING (true)`,
    `CREATE POLICY leftovers ON enginehouse.artifacts TO ${owner} USING (digest IS NULL)`,
    `CREATE POLICY leftovers ON enginehouse.pieces TO ${owner} USING (true)`,
    ...['keys', 'settings', 'migrations'].flatMap((table) => [
      ...forced(table),
      `CREATE POLICY owner_only ON enginehouse.${table} TO ${owner} USING (true)`,
    ]),
    'REVOKE ALL ON ALL FUNCTIONS IN SCHEMA enginehouse FROM PUBLIC',
    `GRANT USAGE ON SCHEMA enginehouse TO ${system}, ${agent}`,
    ...['owners()', 'claimed_owner()'].map(
      (name) => `GRANT EXECUTE ON FUNCTION enginehouse.${name} TO ${system}, ${agent}`,
    ),
    ...FOR_SYSTEM.map((name) => `GRANT EXECUTE ON FUNCTION enginehouse.${name} TO ${system}`),
    '',
  ].join(';\n');
}

function forced(table: string): readonly string[] {
  return [
    `ALTER TABLE enginehouse.${table} ENABLE ROW LEVEL SECURITY`,
    `ALTER TABLE enginehouse.${table} FORCE ROW LEVEL SECURITY`,
  ];
}
