/**
 * Makes a checkout ready: installs what package-lock.json says and is not
 * installed, then builds dist/ when its sources changed. It runs before `npm
 * start`, `npm test` and `npm run enginehouse`, on whatever Node is there (18 or
 * newer), and says what it does on standard error.
 *
 * The Node that the project itself needs comes with the installation: npm puts
 * node_modules/.bin first on the PATH of the scripts that follow.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, isBuilt } from './build.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const LEAST_NODE = readJson('package.json').engines.node.replace('>=', '');

if (!isInstalled()) install();
checkNode();
if (!isBuilt()) {
  say('building dist/');
  orFail(build);
}

/** Every package of the lock file is there in the locked version; optional ones may be for another machine. */
function isInstalled() {
  if (!existsSync(join(root, 'node_modules/.package-lock.json'))) return false;
  const installed = readJson('node_modules/.package-lock.json').packages;
  return Object.entries(readJson('package-lock.json').packages).every(
    ([path, { version, optional }]) => path === '' || optional === true || installed[path]?.version === version,
  );
}

function install() {
  say('installing the packages of package-lock.json (npm ci)');
  const npm = process.env.npm_execpath;
  const [command, ...args] = npm === undefined ? ['npm', 'ci'] : [process.execPath, npm, 'ci'];
  const { status } = spawnSync(command, [...args, '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) fail('npm ci failed; what it says is above');
}

/** The script that follows finds the project's own Node, or else the one that runs this. */
function checkNode() {
  const own = spawnSync(join(root, 'node_modules/.bin/node'), ['--version'], { encoding: 'utf8' });
  const version = own.status === 0 ? own.stdout.trim().slice(1) : process.versions.node;
  if (isAtLeast(version, LEAST_NODE)) return;
  fail(
    `this needs Node ${LEAST_NODE} or newer and found ${version}. The project brings its own as the npm package "node", ` +
      'whose install script did not run. Allow it once with\n' +
      '  npm rebuild node --ignore-scripts=false\n' +
      `or install Node ${LEAST_NODE} or newer yourself.`,
  );
}

function isAtLeast(version, least) {
  const [have, want] = [version, least].map((text) => text.split('.').map(Number));
  const at = want.findIndex((part, index) => part !== have[index]);
  return at === -1 || have[at] > want[at];
}

function readJson(path) {
  return JSON.parse(readFileSync(join(root, path), 'utf8'));
}

function orFail(step) {
  try {
    step();
  } catch (error) {
    fail(error.message);
  }
}

function say(text) {
  process.stderr.write(`enginehouse: ${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}
