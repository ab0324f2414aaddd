/**
 * Builds dist/: the library by tsc, the page by tsc's printer alone (its types
 * are checked by `npm run types`), and the page's files as they are.
 *
 *   B1. What stands in dist/ is one whole build: it is made beside it and put in
 *       its place by a rename, so a server that runs from it never sees half.
 *   B2. dist/.inputs says what it was made from; `isBuilt()` compares.
 *   B3. A browser loads the page's modules as they are, without a bundler.
 *
 * Plain JavaScript for whatever Node is installed, as prepare.mjs needs it.
 * Everything printed goes to standard error: `npm run -s enginehouse` owns standard output.
 */

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, extname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const inputsFile = join(dist, '.inputs');
const SAMPLE = 'examples/ledgers/sample.csv';
const INPUTS = ['src', 'console', SAMPLE, 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts/build.mjs'];

/** True when dist/ was made from the sources as they are. */
export function isBuilt() {
  return existsSync(inputsFile) && readFileSync(inputsFile, 'utf8') === digestOfInputs();
}

/** Makes dist/. Throws with the compiler's own words printed when it does not compile. */
export function build() {
  const inputs = digestOfInputs();
  const next = `${dist}-${process.pid}`;
  try {
    tsc('-p', 'tsconfig.build.json', '--outDir', next);
    buildConsole(next);
    const bin = join(next, 'cli/main.js');
    if (existsSync(bin)) chmodSync(bin, 0o755);
    writeFileSync(join(next, '.inputs'), inputs);
    putInPlace(next);
  } finally {
    rmSync(next, { recursive: true, force: true });
  }
}

function buildConsole(next) {
  const outDir = join(next, 'console');
  const source = join(root, 'console');
  const files = existsSync(source) ? filesOf(source) : [];
  if (files.length === 0) return;
  tsc('-p', 'console', '--noEmit', 'false', '--noCheck', '--noResolve', '--rootDir', 'console', '--outDir', outDir);
  for (const file of files.filter((path) => !['.ts', '.json'].includes(extname(path)))) {
    const target = join(outDir, file.slice(source.length));
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(file, target);
  }
  copyFileSync(join(root, SAMPLE), join(outDir, 'assets/sample-ledger.csv'));
  addClient(next, join(outDir, 'assets'));
}

/** B3: `enginehouse/client` becomes the path of a copy that is served beside the page. */
function addClient(next, assets) {
  for (const file of filesOf(assets).filter((path) => extname(path) === '.js')) {
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll("'enginehouse/client'", "'./client/index.js'"));
  }
  for (const file of modulesFrom(join(next, 'client/index.js'))) {
    const target = join(assets, relative(next, file));
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(file, target);
  }
}

/** A module and all that it imports. */
function modulesFrom(entry) {
  const files = new Set([entry]);
  // A set hands out what is added to it while it is walked.
  for (const file of files) {
    for (const [, path] of readFileSync(file, 'utf8').matchAll(/^(?:import|export)\b[^'"]*['"](\.[^'"]+)['"]/gm)) {
      files.add(join(dirname(file), path));
    }
  }
  return files;
}

function putInPlace(next) {
  const last = `${next}-last`;
  if (existsSync(dist)) renameSync(dist, last);
  renameSync(next, dist);
  rmSync(last, { recursive: true, force: true });
}

function tsc(...args) {
  const own = join(root, 'node_modules/.bin/node');
  const node = existsSync(own) ? own : process.execPath;
  const { status } = spawnSync(node, [join(root, 'node_modules/typescript/bin/tsc'), ...args], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) throw new Error(`tsc ${args.join(' ')} failed; what it says is above`);
}

/** Path, size and time of every input: a source that is deleted or older than before counts as a change too. */
function digestOfInputs() {
  const digest = createHash('sha256');
  for (const input of INPUTS.map((path) => join(root, path)).filter((path) => existsSync(path))) {
    for (const file of filesOf(input)) {
      const { size, mtimeMs } = statSync(file);
      digest.update(`${file.slice(root.length)} ${size} ${mtimeMs}\n`);
    }
  }
  return digest.digest('hex');
}

function filesOf(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesOf(join(path, name)));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) build();
