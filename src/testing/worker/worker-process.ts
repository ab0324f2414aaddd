/** The program of a worker's process. It is started by worker-child.ts only. */

import { enableCompileCache } from 'node:module';

if (process.send === undefined) throw new TypeError('worker-process.ts is started by the test kit only');
// Before anything else is loaded: the same modules are loaded by every worker of a suite.
enableCompileCache();
const { serveParent } = await import('./worker-runtime.ts');
serveParent();
