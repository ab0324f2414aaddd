import { pino, type DestinationStream } from 'pino';

import { asyncScope } from '../base/async-scope.ts';
import type { Log } from '../base/log.ts';
import type { LogLevel } from './config.ts';

/** Lines of JSON on standard error, each with the run it belongs to. `line` gets all of them, of every level. */
export function createLog(level: LogLevel, line?: (line: string) => void): Log {
  const printed = level === 'silent' ? undefined : logTo(level, pino.destination({ fd: 2, sync: true }));
  if (line === undefined) return printed ?? (() => undefined);
  let heard: Log | undefined;
  return (at, message, details) => {
    printed?.(at, message, details);
    // Made with the first line: of most runtimes in tests there is none.
    heard ??= logTo('debug', { write: line });
    heard(at, message, details);
  };
}

function logTo(level: Exclude<LogLevel, 'silent'>, destination: DestinationStream): Log {
  const logger = pino({ level, base: null, mixin: runOfScope }, destination);
  return (at, message, details = {}) => logger[at](details, message);
}

function runOfScope(): object {
  const runId = asyncScope.getStore()?.runId;
  return runId === undefined ? {} : { runId };
}
