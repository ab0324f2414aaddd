import { isEnginehouseError } from '../base/errors.ts';
import { systemIds } from '../base/ids.ts';
import type { AgentEvent } from '../context/event.ts';
import { runId as asRunId } from '../context/ids.ts';
import { UserExecutionContext } from '../context/user-execution-context.ts';
import type { AgentRun, RunResult } from '../engine/agent-run.ts';
import type { EnginehouseConfig } from '../startup/config.ts';
import type { EnginehouseRuntime } from '../startup/runtime.ts';
import { startup } from '../startup/startup.ts';
import { loadApplication, type ApplicationOptions } from './application.ts';
import { followTree, type TreeEvent } from '../client/follow-tree.ts';
import { note, plain, yieldLine } from './output.ts';
import { ownerOf, type OwnerOptions } from './owner.ts';
import { printErrorJson } from './print-error.ts';
import { ProgressPrinter } from './progress-printer.ts';
import { readInput, type InputOptions } from './run-input.ts';
import { saveArtifacts, type MadeFile } from './save-artifacts.ts';
import { StopSignals } from './stop-signals.ts';

export interface RunOptions extends ApplicationOptions, OwnerOptions, InputOptions {
  readonly out?: string;
  readonly json?: boolean;
}

/** Runs one agent in a runtime of its own. Ctrl-C cancels the run and waits for its end. */
export async function run(agent: string, options: RunOptions): Promise<number> {
  using stop = new StopSignals();
  const owner = ownerOf(options);
  const { config, env } = await loadApplication(options);
  await using runtime = await startup(withoutDoors(config), { env });
  if (runtime.recoveredRuns > 0 && options.json !== true) {
    note(`${runtime.recoveredRuns} unfinished runs of an earlier start go on beside this one`);
  }
  const { artifacts } = runtime.store.for(owner);
  const definition = config.agents.find(({ name }) => name === agent);
  try {
    const input = await readInput(definition, options, { artifacts, limits: runtime.limits, signal: stop.signal });
    stop.signal.throwIfAborted();
    const id = systemIds.next();
    const context = UserExecutionContext.fromRequest({ ...owner, runId: id, threadId: id });
    await using engine = await runtime.factory.createForUser(context);
    const started = engine.executeAgent(agent, input, { signal: stop.signal });
    const files = await watch(started, context, { runtime, json: options.json ?? false });
    const result = await started.result;
    if (options.json !== true) printResult(result);
    if (options.out !== undefined) {
      for (const path of await saveArtifacts(options.out, files, artifacts)) note(`wrote ${plain(path)}`);
    }
    return stop.exitCode ?? (result.status === 'completed' ? 0 : 1);
  } catch (error) {
    // Reading the input stops when it is interrupted, which is no failure of its own.
    if (stop.exitCode !== undefined && !isEnginehouseError(error)) return stop.exitCode;
    throw error;
  }
}

/** No server, and a log that leaves standard error to the progress. */
function withoutDoors(config: EnginehouseConfig): EnginehouseConfig {
  const log = config.log ?? (process.env['ENGINEHOUSE_LOG'] === undefined ? 'error' : undefined);
  return { ...config, log, server: { ...config.server, listen: false } };
}

interface Watch {
  readonly runtime: EnginehouseRuntime;
  readonly json: boolean;
}

/** Shows the run until it has ended and gives the files that it made. */
async function watch(
  started: AgentRun,
  owner: UserExecutionContext,
  { runtime, json }: Watch,
): Promise<readonly MadeFile[]> {
  const files = new Map<string, MadeFile>();
  const printer = new ProgressPrinter();
  await started.accepted;
  const show = (seen: TreeEvent): void => {
    const { runId, event } = seen;
    if (event.type === 'artifact_created')
      files.set(event.data.artifact, { artifactId: event.data.artifact, title: event.data.title });
    if (json) yieldLine(JSON.stringify({ run: runId, ...event }));
    else printer.show(seen);
  };
  await followTree(started.runId, (runId) => eventsOf(runtime, owner, runId), show);
  return [...files.values()];
}

async function* eventsOf(
  { bridge }: EnginehouseRuntime,
  owner: UserExecutionContext,
  id: string,
): AsyncGenerator<AgentEvent> {
  for await (const batch of bridge.follow(owner, asRunId(id), 0)) yield* batch;
}

function printResult(result: RunResult): void {
  if (result.status === 'completed') yieldLine(JSON.stringify(result.result, undefined, 2));
  else if (result.status === 'failed') printErrorJson(result.error);
  else note(`cancelled by ${plain(result.by)}: ${plain(result.reason)}`);
}
