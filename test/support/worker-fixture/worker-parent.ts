/** A process that starts a worker, says where it is, and waits to be killed: `worker-parent.ts CONFIG`. */

import { Worker } from '../../../src/testing/worker/worker.ts';

const worker = await Worker.start({ config: process.argv[2], store: 'sqlite' });
console.log(JSON.stringify({ pid: worker.pid, folder: worker.store.path }));
