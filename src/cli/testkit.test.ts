import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

import { Command, enginehouse, Folder, type Ended } from '../../test/support/command.ts';

const source = (path: string): string => JSON.stringify(new URL(`../${path}`, import.meta.url).href);

/**
 * A suite of three tests on a real runtime: that users have rows of their own, that a tool runs, and that a boot is
 * whole, which nobody asks.
 */
const SUITE = `
  import { z } from ${JSON.stringify(import.meta.resolve('zod'))};
  import { defineAgent } from ${source('agent/define-agent.ts')};
  import { UserExecutionContext } from ${source('context/user-execution-context.ts')};
  import { startup } from ${source('startup/startup.ts')};
  import { tool } from ${source('tool/tool.ts')};
  import { sabotageFromEnv } from ${source('testing/sabotage/sabotage.ts')};

  const echo = tool({ description: 'Echoes.', inputSchema: z.unknown(), execute: (input) => input });
  const agents = [defineAgent({ name: 'echo', tools: { echo }, run: ({ tools }) => tools.echo(1) })];
  const database = { migrations: { notes: 'create table notes (text text)' } };
  const config = { agents, database, store: { path: ':memory:' }, server: { listen: false }, log: 'silent' };
  const sabotage = sabotageFromEnv();
  await using runtime = await startup(config, { env: {}, seams: sabotage?.seams({}) ?? {} });
  sabotage?.applyTo(runtime);

  const context = (userId) => UserExecutionContext.fromRequest({ userId, threadId: 't', runId: 'r' });
  const rowsOf = (userId, note) =>
    runtime.factory.userExecutionScope(context(userId), (engine) =>
      engine.databaseSessionManager.transaction(async (db) => {
        if (note) await db.insertInto('notes').values({ text: note }).execute();
        return db.selectFrom('notes').selectAll().execute();
      }));
  const check = (name, holds) => {
    console.log(\`\\u001b[31m\${holds ? 'ok' : 'FAIL'} \${name}\\u001b[39m\`);
    if (!holds) process.exitCode = 1;
  };
  await rowsOf('alice', 'hers');
  check('isolation > bob sees no rows', (await rowsOf('bob')).length === 0);
  const ran = await runtime.factory.userExecutionScope(context('carol'), (engine) => engine.executeAgent('echo', 1).result);
  check('a tool runs', ran.status === 'completed');
`;

async function suite(text = SUITE): Promise<Folder> {
  const folder = await Folder.open();
  await writeFile(folder.join('package.json'), '{ "type": "module" }');
  await writeFile(folder.join('suite.ts'), text);
  return folder;
}

function sabotage(
  folder: Folder,
  options: readonly string[],
  command = [process.execPath, 'suite.ts'],
): Promise<Ended> {
  return enginehouse(['testkit', 'sabotage', ...options, '--', ...command], { cwd: folder.path });
}

test('sabotage says what a suite notices, and fails for what it does not', async () => {
  await using folder = await suite();

  const ended = await sabotage(folder, ['--only', 'shared-memory,doubled-event,lost-cancel', '--json']);

  const answers = ended.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  expect(answers).toEqual([
    {
      defect: 'shared-memory',
      outcome: 'noticed',
      firstFailure: 'FAIL isolation > bob sees no rows',
      ms: expect.any(Number),
    },
    { defect: 'doubled-event', outcome: 'unnoticed', ms: expect.any(Number) },
    { defect: 'lost-cancel', outcome: 'no-occasion', ms: expect.any(Number) },
  ]);
  expect(ended.stderr).toMatch(/^the suite notices 1 of 3 defects$/m);
  expect(ended.exitCode).toBe(1);
});

test('a suite that notices what it is asked about passes, with a table for people', async () => {
  await using folder = await suite();

  const ended = await sabotage(folder, ['--only', 'shared-memory']);

  expect(ended.stdout).toBe('ok  shared-memory  noticed  FAIL isolation > bob sees no rows\n');
  expect(ended.exitCode).toBe(0);
});

test('a suite that fails as it is tells nothing, so its last lines are shown and no defect is tried', async () => {
  await using folder = await suite('console.log("FAIL a test"); process.exitCode = 7;');

  const ended = await sabotage(folder, []);

  expect(ended).toMatchObject({ exitCode: 1, stdout: '' });
  expect(ended.stderr).toMatch(/^ {2}FAIL a test\nerror SUITE_FAILED: `.+ suite\.ts` must pass .+: exit code 7$/m);
  const missing = await sabotage(folder, [], ['no-such-command']);
  expect(missing.stderr).toMatch(/^error SUITE_FAILED: .+ENOENT$/m);
});

test('a suite without a runtime of the kit, and one that hangs, are not said to notice', async () => {
  await using alone = await suite('process.exitCode = process.env.ENGINEHOUSE_SABOTAGE ? 1 : 0;');
  await using hanging = await suite(`
    import { appendFileSync } from 'node:fs';
    if (process.env.ENGINEHOUSE_SABOTAGE) {
      appendFileSync(process.env.ENGINEHOUSE_SABOTAGE_REPORT, 'planted\\nbit\\n');
      setInterval(() => {}, 1e6);
    }
  `);

  const [other, hung] = await Promise.all([
    sabotage(alone, ['--only', 'foreign-run']),
    sabotage(hanging, ['--only', 'foreign-run', '--timeout', '2s']),
  ]);

  expect(other.stdout).toMatch(/^fail +foreign-run +not-planted +the suite booted no runtime/);
  expect(hung.stdout).toMatch(/^fail +foreign-run +hung +the suite did not end/);
  expect([other.exitCode, hung.exitCode]).toEqual([1, 1]);
});

test.each([
  [['testkit', 'sabotage'], "missing required argument 'command'"],
  [['testkit', 'sabotage', '--only', 'foreign-run,typo', '--', 'true'], 'There is no defect "typo"; there are broad'],
  [['testkit', 'sabotage', '--timeout', 'soon', '--', 'true'], 'such as 90s, 15m'],
])('a command line that cannot be read is refused: %j', async (args, says) => {
  await using folder = await Folder.open();

  const ended = await enginehouse(args, { cwd: folder.path });

  expect(ended.exitCode).toBe(2);
  expect(ended.stderr).toContain(says);
});

test('an interruption ends the suite and all that it started', async () => {
  await using folder = await suite(`
    import { spawn } from 'node:child_process';
    import { writeFileSync } from 'node:fs';
    const worker = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)']);
    writeFileSync('worker', String(worker.pid));
    setInterval(() => {}, 1e6);
  `);
  await using command = new Command(['testkit', 'sabotage', '--', process.execPath, 'suite.ts'], { cwd: folder.path });
  await command.said(/^as it is/m);
  const worker = await pidIn(folder.join('worker'));

  command.kill('SIGINT');

  expect((await command.ended).exitCode).toBe(130);
  await expect.poll(() => lives(worker), { timeout: 10_000 }).toBe(false);
});

async function pidIn(file: string): Promise<number> {
  await expect.poll(() => readFile(file, 'utf8').catch(() => ''), { timeout: 10_000 }).not.toBe('');
  return Number(await readFile(file, 'utf8'));
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
