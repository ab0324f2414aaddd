/** The command line as a user has it: a process, its two outputs and its exit code. */

import { readdir, readFile, symlink, writeFile, mkdir } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

import { SAMPLES } from '../../examples/ledgers/generate.ts';
import { canonicalEvent } from '../../src/context/canonical-event.ts';
import type { AgentEvent } from '../../src/context/event.ts';
import { crcText } from '../../src/context/wire.ts';
import { crc32 } from '../../src/base/crc32.ts';
import { Command, enginehouse, Folder, startServer } from '../support/command.ts';

const SAMPLE = fileURLToPath(new URL('../../examples/ledgers/sample.csv', import.meta.url));
const SECRET = 'a secret of at least thirty-two bytes';
const source = (path: string): string => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);

/** An application of three agents: one that answers, one that hangs, one that fails. */
const CONFIG = `
  import { defineAgent } from ${source('agent/define-agent.ts')};
  export default {
    agents: [
      defineAgent({ name: 'echo', run: ({ input }) => input }),
      defineAgent({
        name: 'hang',
        run: async ({ think, signal }) => {
          await think('hanging');
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          return null;
        },
      }),
      defineAgent({
        name: 'files',
        run: async ({ artifacts }) => {
          for (const title of ['../../outside.txt', '/etc/passwd', 'a.txt', 'A.TXT', 'linked.txt']) {
            await artifacts.create('made by an agent', { title, kind: 'file', mediaType: 'text/plain' });
          }
          return null;
        },
      }),
      defineAgent({ name: 'fail', run: () => { throw new Error('it does not work'); } }),
    ],
  };
`;

async function application(): Promise<Folder> {
  const folder = await Folder.open();
  await writeFile(folder.join('enginehouse.config.ts'), CONFIG);
  await writeFile(folder.join('package.json'), '{ "type": "module" }');
  return folder;
}

type Line = AgentEvent & { readonly run: string };

function lines(stdout: string): readonly Line[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

test('run analyst prints events one per line, the terminal one last, and writes the report', async () => {
  await using folder = await Folder.open();

  const ended = await enginehouse(['run', 'analyst', '--input', SAMPLE, '--json', '--out', 'out'], {
    cwd: folder.path,
  });

  const events = lines(ended.stdout);
  const root = events.filter(({ run }) => run === events[0]?.run);
  expect(ended.exitCode).toBe(0);
  expect(events.at(-1)).toMatchObject({ run: root[0]?.run, type: 'agent_completed' });
  expect(root.map(({ seq }) => seq)).toEqual(root.map((_, at) => at + 1));
  expect(new Set(events.map(({ run }) => run)).size).toBe(5);
  expect(await readdir(folder.join('out'))).toEqual(['report.json', 'report.md']);
  expect(JSON.parse(await readFile(folder.join('out', 'report.json'), 'utf8'))).toMatchObject({ requests: 2_000 });
});

test('run tells a person what happens, and gives the result to a pipe', async () => {
  await using folder = await Folder.open();

  const ended = await enginehouse(['run', 'analyst', '--input', '-'], {
    cwd: folder.path,
    stdin: SAMPLES['sample.csv'],
  });

  expect(JSON.parse(ended.stdout)).toMatchObject({ requests: 2_000 });
  expect(ended.stderr).toMatch(/analyst-data +load_ledger: ok/);
  expect(ended.stderr).toMatch(/analyst +completed/);
});

test('run analyst on a file that is no ledger says so, with the cure, and fails', async () => {
  await using folder = await Folder.open();
  await writeFile(folder.join('picture.png'), Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'));

  const ended = await enginehouse(['run', 'analyst', '--input', 'picture.png'], { cwd: folder.path });

  expect(ended.exitCode).toBe(1);
  expect(ended.stdout).toBe('');
  expect(ended.stderr).toMatch(/^error LEDGER_INVALID: picture\.png is not a usage ledger: .+\ncure: Give a CSV/m);
});

test("run takes an application's own agent, with JSON from a file, from standard input and from the command line", async () => {
  await using folder = await application();
  await writeFile(folder.join('input.json'), '{ "from": "file" }');
  const run = (args: readonly string[], stdin = ''): Promise<unknown> =>
    enginehouse(['run', 'echo', ...args], { cwd: folder.path, stdin }).then(
      ({ stdout }) => JSON.parse(stdout) as unknown,
    );

  expect(await run(['--input', 'input.json'])).toEqual({ from: 'file' });
  expect(await run(['--input', '-'], '["stdin"]')).toEqual(['stdin']);
  expect(await run(['--input-json', '7'])).toBe(7);
  expect(await run([])).toBeNull();
});

test.each([
  [['echo', '--input', 'missing.json'], 'INPUT_INVALID', 'missing.json'],
  [['echo', '--input', '.'], 'INPUT_INVALID', 'it is a folder'],
  [['echo', '--input-json', '{'], 'INPUT_INVALID', 'it is not JSON'],
  [['echo', '--input', 'package.json', '--input-json', '1'], 'INPUT_INVALID', 'give one of them'],
  [['echo', '--config', 'none.ts'], 'CONFIG_NOT_LOADED', 'there is no such file'],
  [['nobody'], 'AGENT_UNKNOWN', 'known are echo, hang, files, fail'],
  [['fail'], 'AGENT_THREW', 'it does not work'],
  [['echo', '--user', ''], 'ID_INVALID', 'userId'],
])('run %j is refused with its code, a cure and exit code 1', async (args, code, says) => {
  await using folder = await application();

  const ended = await enginehouse(['run', ...args], { cwd: folder.path });

  expect(ended.exitCode).toBe(1);
  expect(ended.stdout).toBe('');
  expect(ended.stderr).toMatch(new RegExp(`^error ${code}: `, 'm'));
  expect(ended.stderr).toContain(says);
  expect(ended.stderr).toMatch(/^cure: \w/m);
});

test('what a run makes stays inside --out, whatever its title says and whatever stands there', async () => {
  await using folder = await application();
  await writeFile(folder.join('precious.txt'), 'precious');
  await mkdir(folder.join('out'));
  await symlink(folder.join('precious.txt'), folder.join('out', 'linked.txt'));

  await enginehouse(['run', 'files', '--out', 'out'], { cwd: folder.path });

  expect(await readdir(folder.join('out'))).toEqual(['A-2.TXT', 'a.txt', 'linked.txt', 'outside.txt', 'passwd']);
  expect(await readFile(folder.join('out', 'linked.txt'), 'utf8')).toBe('made by an agent');
  expect(await readFile(folder.join('precious.txt'), 'utf8')).toBe('precious');
});

test('Ctrl-C cancels the run, durably, and waits for its end', async () => {
  await using folder = await application();
  await using command = new Command(['run', 'hang', '--json'], { cwd: folder.path });

  await command.said(/"agent_thinking"/);
  command.kill('SIGINT');
  const { exitCode, stdout } = await command.ended;
  const { stdout: listed } = await enginehouse(['runs', '--json'], { cwd: folder.path });

  expect(exitCode).toBe(130);
  expect(
    lines(stdout)
      .map(({ type }) => type)
      .slice(-2),
  ).toEqual(['cancel_requested', 'agent_cancelled']);
  expect(lines(listed)).toMatchObject([{ agent: 'hang', status: 'cancelled' }]);
});

test('start serves until SIGTERM, lets a run end, and exits with 0', async () => {
  await using folder = await Folder.open();
  await using server = startServer({ cwd: folder.path }, '--port', '0');

  const { url, development, recoveredRuns } = await server.ready();
  const ready = await fetch(`${url}/health/ready`);
  server.kill('SIGTERM');

  expect({ ready: ready.status, development, recoveredRuns }).toEqual({
    ready: 200,
    development: true,
    recoveredRuns: 0,
  });
  expect((await server.ended).exitCode).toBe(0);
});

test('start tells a person the address, the data folder and how users are known', async () => {
  await using folder = await Folder.open();
  await using server = new Command(['start', '--port', '0'], { cwd: folder.path });

  await server.said(/Ctrl-C stops it/);
  server.kill('SIGINT');
  const { exitCode, stdout } = await server.ended;

  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/address +http:\/\/127\.0\.0\.1:\d+\n/);
  expect(stdout).toContain(folder.join('.enginehouse'));
  expect(stdout).toMatch(/users +development mode: .*"local"/);
});

test('a second signal does not wait for the runs', async () => {
  await using folder = await application();
  await using server = startServer({ cwd: folder.path }, '--port', '0');
  const { url } = await server.ready();
  await fetch(`${url}/api/runs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"agent":"hang"}',
  });

  server.kill('SIGTERM');
  await server.said(/once more ends at once/);
  server.kill('SIGTERM');

  expect((await server.ended).exitCode).toBe(143);
});

test.each([
  [['--host', '0.0.0.0', '--port', '0'], 'AUTH_REQUIRED'],
  [['--config', 'typo.config.ts'], 'CONFIG_INVALID'],
])('start %j is refused with %s', async (args, code) => {
  await using folder = await application();
  await writeFile(folder.join('typo.config.ts'), 'export default { agents: [], sever: { port: 1 } };');

  const ended = await enginehouse(['start', ...args], { cwd: folder.path });

  expect(ended.exitCode).toBe(1);
  expect(ended.stderr).toMatch(new RegExp(`^error ${code}: .+\ncure: `, 'm'));
});

test('a port and a data folder that are in use are refused, each with its own code', async () => {
  await using folder = await Folder.open();
  await using server = startServer({ cwd: folder.path }, '--port', '0');
  const { port } = new URL((await server.ready()).url);

  const samePort = await enginehouse(['start', '--port', port, '--data', 'other'], { cwd: folder.path });
  const sameFolder = await enginehouse(['start', '--port', '0'], { cwd: folder.path });

  expect(samePort.stderr).toMatch(/^error PORT_IN_USE: .+\ncure: .*--port/m);
  expect(sameFolder.stderr).toMatch(/^error STORE_IN_USE: .+\ncure: .*--data/m);
});

test('runs and events read the folder while a server runs on it, each user seeing their own', async () => {
  await using folder = await application();
  await using server = startServer({ cwd: folder.path }, '--port', '0');
  const { url } = await server.ready();
  const answer = await fetch(`${url}/api/runs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"agent":"echo","input":1,"runId":"mine"}',
  });
  const at = { cwd: folder.path };

  const followed = await enginehouse(['events', 'mine', '--follow', '--json'], at);
  const asked = await enginehouse(['events', 'mine', '--follow', '--json', '--url', url], at);
  const shown = await enginehouse(['events', 'mine'], at);
  const listed = await enginehouse(['runs'], at);
  const foreign = await enginehouse(['events', 'mine', '--user', 'mallory'], at);
  const foreignRuns = await enginehouse(['runs', '--user', 'mallory'], at);

  expect(answer.status).toBe(202);
  expect(lines(followed.stdout).map(({ type }) => type)).toEqual(['run_accepted', 'agent_started', 'agent_completed']);
  expect(asked.stdout).toBe(followed.stdout);
  const crc = crcText(lines(followed.stdout).reduce((sum, event) => crc32(canonicalEvent(event), sum), 0));
  expect(shown.stderr).toBe(`3 events, CRC ${crc} verified\n`);
  expect(listed.stdout).toMatch(/^RUN +AGENT +STATUS .*\nmine +echo +completed /);
  expect(foreign).toMatchObject({
    exitCode: 1,
    stdout: '',
    stderr: expect.stringMatching(/^error NOT_FOUND: run mine/) as string,
  });
  expect(foreignRuns.stdout).toBe('');
});

test('events --follow waits for a run to end, and Ctrl-C leaves it', async () => {
  await using folder = await application();
  await using server = startServer({ cwd: folder.path }, '--port', '0');
  const { url } = await server.ready();
  const post = (path: string, body: object): Promise<Response> =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  await post('/api/runs', { agent: 'hang', runId: 'slow' });
  await using left = new Command(['events', 'slow', '--follow'], { cwd: folder.path });
  await using stayed = new Command(['events', 'slow', '--follow'], { cwd: folder.path });
  await Promise.all([left.said(/hanging/), stayed.said(/hanging/)]);

  left.kill('SIGINT');
  await left.ended;
  await post('/api/runs/slow/cancel', {});

  expect((await left.ended).exitCode).toBe(130);
  expect(await stayed.ended).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/agent_cancelled/) as string });
});

test('a log that was changed behind its back is not proven, and events says so', async () => {
  await using folder = await application();
  const at = { cwd: folder.path };
  await enginehouse(['run', 'echo', '--input-json', '"kept"'], at);
  const [run] = lines((await enginehouse(['runs', '--json'], at)).stdout) as readonly { readonly runId?: string }[];
  {
    using db = new DatabaseSync(folder.join('.enginehouse', 'log.sqlite'));
    db.exec(`UPDATE events SET data = replace(data, '"kept"', '"lost"') WHERE type = 'agent_completed'`);
  }

  const ended = await enginehouse(['events', run?.runId ?? ''], at);

  expect(ended).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(/^error STREAM_RESET: .+\ncure: /) as string,
  });
});

test('a store of a newer version is refused by start, runs and doctor alike', async () => {
  await using folder = await application();
  const at = { cwd: folder.path };
  await enginehouse(['run', 'echo'], at);
  {
    using db = new DatabaseSync(folder.join('.enginehouse', 'log.sqlite'));
    db.exec('PRAGMA user_version = 999');
  }

  const [started, listed, examined] = [
    await enginehouse(['start', '--port', '0'], at),
    await enginehouse(['runs'], at),
    await enginehouse(['doctor', '--port', '0'], at),
  ];

  for (const ended of [started, listed]) expect(ended.stderr).toMatch(/^error STORE_NEWER: .+\ncure: /);
  expect(examined.stdout).toMatch(/^fail {2}store +STORE_NEWER: .+\n +cure: /m);
});

test('a token that the command signs opens the server, for that user alone', async () => {
  await using folder = await application();
  const at = { cwd: folder.path, env: { ENGINEHOUSE_AUTH_SECRET: SECRET } };
  await using server = startServer(at, '--port', '0');
  const { url } = await server.ready();
  const tokenOf = async (user: string): Promise<string> =>
    (await enginehouse(['token', '--user', user, '--expires', '5m'], at)).stdout.trimEnd();
  const [ada, bob] = await Promise.all([tokenOf('ada'), tokenOf('bob')]);
  const body = '{"agent":"echo","runId":"of-ada"}';
  await fetch(`${url}/api/runs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ada}`, 'content-type': 'application/json' },
    body,
  });

  const own = await enginehouse(['events', 'of-ada', '--follow', '--url', url], {
    ...at,
    env: { ENGINEHOUSE_TOKEN: ada },
  });
  const foreign = await enginehouse(['events', 'of-ada', '--follow', '--url', url, '--token', bob], at);
  const unknown = await enginehouse(['events', 'of-ada', '--follow', '--url', url], at);

  expect(own).toMatchObject({ exitCode: 0, stderr: expect.stringMatching(/CRC \w{8} verified/) as string });
  expect(foreign.stderr).toMatch(/^error NOT_FOUND: /);
  expect(unknown.stderr).toMatch(/^error UNAUTHENTICATED: /);
});

test('token without a secret says how to make one', async () => {
  await using folder = await application();

  const ended = await enginehouse(['token', '--user', 'ada'], { cwd: folder.path });

  expect(ended).toMatchObject({ exitCode: 1, stdout: '' });
  expect(ended.stderr).toMatch(/^error CONFIG_INVALID: auth\.secret .+\ncure: Set ENGINEHOUSE_AUTH_SECRET/);
});

test('doctor finds nothing wrong on a fresh folder, and makes nothing there', async () => {
  await using folder = await Folder.open();

  const ended = await enginehouse(['doctor', '--port', '0', '--json'], { cwd: folder.path });

  expect(ended.exitCode).toBe(0);
  expect(lines(ended.stdout)).toEqual(
    ['Node', 'configuration', 'data folder', 'disk', 'store', 'sign-in', 'address'].map((name) =>
      expect.objectContaining({ name, status: 'ok' }),
    ),
  );
  expect(await readdir(folder.path)).toEqual([]);
});

test('doctor names who holds the folder and who answers at the address', async () => {
  await using folder = await Folder.open();
  await using server = startServer({ cwd: folder.path }, '--port', '0');
  const { port } = new URL((await server.ready()).url);

  const ended = await enginehouse(['doctor', '--port', port], { cwd: folder.path });

  expect(ended.exitCode).toBe(0);
  expect(ended.stdout).toMatch(/^warn {2}lock +(?:process \d+|another process) holds the data folder/m);
  expect(ended.stdout).toMatch(/^warn {2}address +an Enginehouse \d\S+ answers at/m);
});

test('doctor fails, with a cure, on a configuration that does not load, a folder that is none, an open address', async () => {
  await using folder = await Folder.open();
  await writeFile(folder.join('enginehouse.config.ts'), 'export default { agents: [ };');
  await writeFile(folder.join('a-file'), '');

  const ended = await enginehouse(['doctor', '--data', 'a-file', '--host', '0.0.0.0', '--port', '0'], {
    cwd: folder.path,
  });

  expect(ended.exitCode).toBe(1);
  expect(ended.stdout.match(/^fail {2}\S+/gm)).toEqual(['fail  configuration', 'fail  data', 'fail  sign-in']);
  expect(ended.stdout.match(/^ +cure: \w/gm)).toHaveLength(3);
});

test('help and version are no errors and load nothing', async () => {
  await using folder = await Folder.open();
  await writeFile(folder.join('enginehouse.config.ts'), "throw new Error('loaded');");

  const help = await enginehouse(['--help'], { cwd: folder.path });
  const version = await enginehouse(['--version'], { cwd: folder.path });

  expect(help).toMatchObject({
    exitCode: 0,
    stderr: '',
    stdout: expect.stringMatching(/start.*\n.*run.*\n/) as string,
  });
  expect(version).toMatchObject({
    exitCode: 0,
    stderr: '',
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\S*\n$/) as string,
  });
});

test.each([
  [['fly'], "unknown command 'fly'"],
  [['start', '--fly'], "unknown option '--fly'"],
  [['start', '--port', '65536'], 'from 0 to 65535'],
  [['start', '--data', ' '], 'must not be empty'],
  [['run'], "missing required argument 'agent'"],
  [['token'], "'--user <id>' not specified"],
  [['token', '--user', 'ada', '--expires', 'soon'], 'such as 90s, 15m, 12h or 30d'],
  [['runs', '--limit', '0'], 'from 1 to 10000'],
  [['events', 'a', 'b'], 'too many arguments'],
])('the command line %j is refused with exit code 2', async (args, says) => {
  await using folder = await Folder.open();

  const ended = await enginehouse(args, { cwd: folder.path });

  expect(ended).toMatchObject({ exitCode: 2, stdout: '' });
  expect(ended.stderr).toContain(says);
});
