/** examples/dice, which README.md quotes, on the built package. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { node } from './processes.ts';

const ROOT = join(import.meta.dirname, '../..');
const CONFIG = join(ROOT, 'examples/dice/enginehouse.config.ts');

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enginehouse-dice-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test('the first agent of README.md runs by the command', async () => {
  const command = [join(ROOT, 'dist/cli/main.js'), 'run', 'player', '--config', CONFIG, '--data', folder];

  const said = await node(folder, ...command, '--input-json', '{"sides":20}', '--json');

  const events = said
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; data: { result?: { rolled: number } } });
  expect(events.map(({ type }) => type)).toEqual([
    'run_accepted',
    'agent_started',
    'agent_thinking',
    'tool_executing',
    'tool_completed',
    'message_delta',
    'message_completed',
    'agent_completed',
  ]);
  expect(events.at(-1)?.data.result?.rolled).toSatisfy((rolled: number) => rolled >= 1 && rolled <= 20);
});

test('the application of README.md runs an agent in its process and over the socket', async () => {
  const said = await node(folder, join(ROOT, 'examples/dice/application.ts'));

  expect(said.split('\n')).toEqual([
    'completed',
    '1 run_accepted',
    '2 agent_started',
    '3 agent_thinking',
    '4 tool_executing',
    '5 tool_completed',
    '6 message_delta',
    '7 message_completed',
    '8 agent_completed',
    '',
  ]);
});
