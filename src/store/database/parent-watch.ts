/**
 * The thread of a database worker that notices the end of the process that
 * started it, and ends the worker also while that is inside a statement. The
 * other process holds this pipe and never writes to it.
 */

import { Socket } from 'node:net';

import { WATCH_DESCRIPTOR } from './worker-protocol.ts';

const parent = new Socket({ fd: WATCH_DESCRIPTOR, readable: true, writable: false });
parent.on('close', () => process.kill(process.pid, 'SIGKILL'));
// A parent that was killed resets the pipe; 'close' follows.
parent.on('error', () => undefined);
parent.resume();
