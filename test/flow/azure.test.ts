/** An hour of real requests through the two doors that people use: the command, and a server with a client. */

import { readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { z } from 'zod';

import { connect } from '../../src/client/index.ts';
import { AZURE_TOTALS, AZURE_TRACE } from '../support/azure-trace.ts';
import { enginehouse, Folder, startServer } from '../support/command.ts';
import { testWith } from '../support/requirements.ts';

testWith(AZURE_TRACE, 'enginehouse run analyst writes its report', async (trace) => {
  await using folder = await Folder.open();

  const ended = await enginehouse(['run', 'analyst', '--input', trace, '--out', 'report', '--json'], {
    cwd: folder.path,
  });

  const events = ended.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; data: object });
  expect(ended.exitCode).toBe(0);
  expect(events.at(-1)).toMatchObject({ type: 'agent_completed', data: { result: AZURE_TOTALS } });
  expect(JSON.parse(await readFile(folder.join('report', 'report.json'), 'utf8'))).toMatchObject(AZURE_TOTALS);
  expect(await readFile(folder.join('report', 'report.md'), 'utf8')).toContain('22,361,870');
});

testWith(AZURE_TRACE, 'a server runs it for a client, who reads the report', async (trace) => {
  await using folder = await Folder.open();
  await using server = startServer({ cwd: folder.path }, '--port', '0');
  await using client = connect({ url: (await server.ready()).url });
  const upload = new Blob([await readFile(trace)]);
  const { artifactId } = await client.uploadArtifact(upload, { title: 'azure.csv', mediaType: 'text/csv' });

  const run = client.start('analyst', { artifact: artifactId });

  const ended = await run.result;
  expect(ended).toMatchObject({ status: 'completed', result: AZURE_TOTALS });
  expect(run.proof).toMatchObject({ verified: true });
  const { report } = z.object({ report: z.string() }).parse(ended.result);
  expect(await (await client.artifact(report)).json()).toMatchObject(AZURE_TOTALS);
});
