import { resolve } from 'node:path';

import { configureExecutionEngineFactory } from '../startup/pointer.ts';
import { packageVersion } from '../startup/package-files.ts';
import { resolveConfig, type ResolvedConfig } from '../startup/resolve-config.ts';
import type { EnginehouseRuntime } from '../startup/runtime.ts';
import { startup } from '../startup/startup.ts';
import { shownUrl } from '../store/postgres/target.ts';
import { loadApplication, type Application, type ApplicationOptions } from './application.ts';
import { note, table, yieldLine } from './output.ts';
import { withAddress, type AddressOptions } from './server-address.ts';
import { StopSignals } from './stop-signals.ts';

export interface StartOptions extends ApplicationOptions, AddressOptions {
  readonly json?: boolean;
}

/** Serves until SIGINT or SIGTERM, then lets runs end and closes. A second signal does not wait. */
export async function start(options: StartOptions): Promise<number> {
  using stop = new StopSignals();
  const application = await loadApplication(options);
  const config = withAddress(application.config, options);
  const { env } = application;
  const settled = resolveConfig(config, env);
  await using runtime = await startup(config, { env });
  configureExecutionEngineFactory(runtime);
  if (options.json === true) yieldLine(JSON.stringify(startedJson(runtime, settled)));
  else for (const line of welcome(runtime, settled, application)) yieldLine(line);
  const signal = await stop.first;
  note(`${signal}: running runs get ${seconds(settled.limits.drainTimeoutMs)} to end; once more ends at once`);
  await runtime.close();
  note('stopped');
  return 0;
}

function welcome(runtime: EnginehouseRuntime, settled: ResolvedConfig, { file }: Application): string[] {
  const { recoveredRuns, bootTrace } = runtime;
  const rows = [
    ['  address', runtime.address?.url ?? 'none: server.listen is false'],
    ['  data', placeOf(settled)],
    [
      '  agents',
      `${settled.agents.map(({ name }) => name).join(', ')} (${file === undefined ? 'shipped' : `from ${resolve(file)}`})`,
    ],
    ['  users', usersOf(settled)],
    ...(recoveredRuns === 0 ? [] : [['  runs', `${recoveredRuns} of an earlier start go on`]]),
  ];
  return [
    `Enginehouse ${packageVersion()} is ready after ${Math.round(bootTrace.ms)} ms.`,
    '',
    ...table(rows),
    '',
    `Ctrl-C stops it: running runs get ${seconds(settled.limits.drainTimeoutMs)}, and what is left goes on at the next start.`,
  ];
}

/** The folder, or the database without its password. */
function placeOf({ store }: ResolvedConfig): string {
  return store.kind === 'sqlite' ? resolve(store.path) : shownUrl(store.target.url);
}

function usersOf({ auth }: ResolvedConfig): string {
  if (auth.key !== undefined) return 'as their tokens say; `enginehouse token` signs one';
  return 'development mode: whoever uses this machine is signed in as "local" (auth.secret or ENGINEHOUSE_AUTH_SECRET ends it)';
}

function startedJson({ address, recoveredRuns, bootTrace }: EnginehouseRuntime, settled: ResolvedConfig): object {
  return {
    url: address?.url,
    data: placeOf(settled),
    agents: settled.agents.map(({ name }) => name),
    development: settled.auth.key === undefined,
    recoveredRuns,
    ms: Math.round(bootTrace.ms),
  };
}

function seconds(ms: number): string {
  return `${ms / 1_000} s`;
}
