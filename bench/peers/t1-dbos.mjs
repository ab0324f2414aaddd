/**
 * DBOS as a side of T1: what its documentation has an integration test do
 * around its body (docs.dbos.dev/typescript/tutorials/testing): shut down, drop
 * and create the database, configure, launch; shut down after it. An
 * application's own migrations, which stand there too, are left out, as on the
 * other sides. Then the proof that it works: a workflow of one step.
 */

import { DBOS } from '@dbos-inc/dbos-sdk';
import pg from 'pg';

import { serveCycles } from '../t1-work.ts';

const [databaseUrl] = process.argv.slice(2);
const adminUrl = new URL(databaseUrl);
const name = adminUrl.pathname.slice(1);
adminUrl.pathname = '/postgres';
const STREAM = 'events';

const workflow = DBOS.registerWorkflow(
  async (nonce) => {
    await DBOS.writeStream(STREAM, 'answering');
    const answer = await DBOS.runStep(async () => nonce, { name: 'echo' });
    await DBOS.writeStream(STREAM, answer);
    await DBOS.closeStream(STREAM);
    return answer;
  },
  { name: 'verify' },
);

async function resetDatabase() {
  const client = new pg.Client({ connectionString: adminUrl.href });
  await client.connect();
  try {
    await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${name}`);
  } finally {
    await client.end();
  }
}

async function verify() {
  const nonce = crypto.randomUUID();
  const handle = await DBOS.startWorkflow(workflow)(nonce);
  const answer = await handle.getResult();
  // Afterwards: the reader of a stream that has ended waits for nothing.
  const events = await Array.fromAsync(DBOS.readStream(handle.workflowID, STREAM));
  const steps = await DBOS.listWorkflowSteps(handle.workflowID);
  const kept = steps.find((step) => step.name === 'echo')?.output;
  if (answer !== nonce || kept !== nonce || events.join() !== `answering,${nonce}`)
    throw new Error(`not what was sent: ${JSON.stringify({ answer, kept, events })}`);
}

serveCycles({
  async test() {
    await DBOS.shutdown();
    await resetDatabase();
    DBOS.setConfig({ name: 't1', systemDatabaseUrl: databaseUrl, logLevel: 'error' });
    await DBOS.launch();
    await verify();
    await DBOS.shutdown();
  },
});
