/**
 * DBOS as a side of R2: a workflow of recorded steps, started in the background
 * and awaited through its handle, whose steps write to a durable stream, as its
 * documentation has it (docs.dbos.dev/ai/streaming). No queue, so no polling.
 */

import { DBOS, DBOSClient } from '@dbos-inc/dbos-sdk';

import { eventsOf, serve, STEPS } from '../r2-work.ts';

const STREAM = 'events';

async function addAll() {
  let total = 0;
  for (const number of STEPS) {
    const before = total;
    total = await DBOS.runStep(
      async () => {
        for (const text of eventsOf(number)) await DBOS.writeStream(STREAM, text);
        return before + number;
      },
      { name: 'add' },
    );
  }
  return { total };
}

await serve({
  async work(systemDatabaseUrl) {
    DBOS.setConfig({ name: 'r2', systemDatabaseUrl, applicationVersion: '1', logLevel: 'error' });
    const workflow = DBOS.registerWorkflow(addAll, { name: 'adder' });
    await DBOS.launch();
    return async (workflowID) => {
      const handle = await DBOS.startWorkflow(workflow, { workflowID })();
      const { total } = await handle.getResult();
      return total;
    };
  },
  async read(systemDatabaseUrl) {
    const client = await DBOSClient.create({ systemDatabaseUrl });
    return async (workflowID) => {
      const events = await Array.fromAsync(client.readStream(workflowID, STREAM));
      const { total } = await client.retrieveWorkflow(workflowID).getResult();
      return { total, events };
    };
  },
});
