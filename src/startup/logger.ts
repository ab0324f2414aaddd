import { pino } from 'pino';

import { asyncScope } from '../base/async-scope.ts';
import type { Log } from '../base/log.ts';
import type { LogLevel } from './config.ts';

/** Lines of JSON on standard error, each with the run it belongs to. */
export function createLog(level: LogLevel): Log {
  if (level === 'silent') return () => undefined;
  const logger = pino({ level, base: null, mixin: runOfScope }, pino.destination({ fd: 2, sync: true }));
  return (at, message, details = {}) => logger[at](details, message);
}

function runOfScope(): object {
  const runId = asyncScope.getStore()?.runId;
  return runId === undefined ? {} : { runId };
}
