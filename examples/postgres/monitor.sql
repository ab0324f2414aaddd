-- What to look at, and what it should be. As the role of the backups, or as a superuser.
\set ON_ERROR_STOP on

-- Sessions by login. One of the system's is `idle in transaction` as long as its runtime lives: it holds the database.
SELECT usename AS login, application_name AS name, state, count(*), max(now() - state_change) AS longest
  FROM pg_stat_activity WHERE datname = current_database() GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- Runs that have not ended. The oldest should not be much older than limits.runTimeoutMs, waiting in line apart.
SELECT status, count(*), now() - to_timestamp(min(accepted_at) / 1000) AS oldest
  FROM enginehouse.states WHERE ended_at IS NULL GROUP BY 1 ORDER BY 2 DESC;

-- Tables by size, and old versions of rows that vacuum has not taken yet: a few times the rows of `states` are usual.
SELECT relid::regclass AS "table", pg_size_pretty(pg_total_relation_size(relid)) AS size, n_live_tup AS rows,
       n_dead_tup AS dead, last_autovacuum
  FROM pg_stat_user_tables WHERE schemaname IN ('enginehouse', 'enginehouse_data')
 ORDER BY pg_total_relation_size(relid) DESC;

-- Transactions that keep vacuum from taking anything: none should be older than limits.transactionTimeoutMs.
SELECT pid, usename AS login, state, now() - xact_start AS age
  FROM pg_stat_activity WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid() ORDER BY xact_start LIMIT 5;
