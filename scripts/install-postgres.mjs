/**
 * Installs Debian's package `postgresql` without the server that it would set up
 * and start: tests start their own. It runs on whatever Node is there (18 or newer).
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

const LEAST_VERSION = 15;
const VERSIONS = '/usr/lib/postgresql';
const CLUSTERS = '/etc/postgresql-common/createcluster.conf';

/** Whether a package may be installed without being asked for: by root on Debian in CI, where tests would else miss it. */
export function wantsPostgres(
  env = process.env,
  { root = isRoot(), debian = isDebian(), installed = isInstalled() } = {},
) {
  const ci = !['', '0', 'false'].includes(env.CI ?? '');
  return ci && root && debian && !installed && (env.DATABASE_URL ?? '') === '';
}

/** Installs it, unless it is there. @throws with what to do where that is not possible */
export function installPostgres() {
  if (isInstalled()) {
    say('PostgreSQL is installed already');
    return;
  }
  if (!isDebian())
    throw new Error(
      `only Debian's package can be installed here; install PostgreSQL ${LEAST_VERSION} or newer yourself`,
    );
  if (!isRoot()) throw new Error('only root can install a package; run: sudo node scripts/postgres.mjs install');
  say('installing the Debian package postgresql');
  apt('update', '-q');
  // The configuration comes with this package, and the other reads it when it is installed.
  apt('install', '-qy', '--no-install-recommends', 'postgresql-common');
  writeFileSync(CLUSTERS, withoutCluster(readFileSync(CLUSTERS, 'utf8')));
  apt('install', '-qy', '--no-install-recommends', 'postgresql');
  if (!isInstalled()) throw new Error(`this Debian has no PostgreSQL ${LEAST_VERSION} or newer`);
}

/** The configuration of Debian's clusters, changed so that none is made by an installation. */
export function withoutCluster(text) {
  const line = 'create_main_cluster = false';
  const changed = text.replace(/^[# \t]*create_main_cluster\b.*$/m, line);
  return changed.includes(line) ? changed : `${text.trimEnd()}\n${line}\n`;
}

function isInstalled() {
  if (!existsSync(VERSIONS)) return false;
  return readdirSync(VERSIONS).some(
    (version) => Number.parseInt(version, 10) >= LEAST_VERSION && existsSync(`${VERSIONS}/${version}/bin/initdb`),
  );
}

function isDebian() {
  return existsSync('/etc/debian_version') && existsSync('/usr/bin/apt-get');
}

function isRoot() {
  return process.geteuid?.() === 0;
}

function apt(...args) {
  const { status } = spawnSync('apt-get', args, {
    stdio: ['ignore', 2, 2],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (status !== 0) throw new Error(`apt-get ${args.join(' ')} failed; what it says is above`);
}

function say(text) {
  process.stderr.write(`postgres: ${text}\n`);
}
