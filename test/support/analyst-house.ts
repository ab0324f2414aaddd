/** What tests of the analyst do as a user would: upload a ledger, run the analyst, read the report. */

import { text } from 'node:stream/consumers';

import { analystAgents, analystMigrations } from '../../src/analyst/index.ts';
import type { Report } from '../../src/analyst/report.ts';
import type { AgentEvent } from '../../src/context/event.ts';
import { UserExecutionContext } from '../../src/context/user-execution-context.ts';
import type { RunResult } from '../../src/engine/agent-run.ts';
import type { StoreOptions } from '../../src/startup/config.ts';
import type { EnginehouseRuntime } from '../../src/startup/runtime.ts';
import { startup } from '../../src/startup/startup.ts';

/** A runtime with the analyst. */
export function analystHouse(store: StoreOptions, agents = analystAgents): Promise<EnginehouseRuntime> {
  return startup(
    {
      agents,
      database: { migrations: analystMigrations },
      store,
      server: { listen: false },
      log: 'silent',
    },
    { env: {} },
  );
}

export function userContext(userId: string, runId: string): UserExecutionContext {
  return UserExecutionContext.fromRequest({ userId, threadId: 'ledgers', runId });
}

/** Keeps a file for the user and gives its artifact id. */
export async function upload(
  runtime: EnginehouseRuntime,
  userId: string,
  title: string,
  content: Uint8Array | string,
): Promise<string> {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  const artifact = {
    artifactId: `${userId}-${title}`,
    runId: undefined,
    kind: 'file',
    title,
    mediaType: 'text/csv',
    createdAt: 0,
  };
  const { artifacts } = runtime.store.for(userContext(userId, 'upload'));
  return (await artifacts.put(artifact, [bytes], runtime.limits.artifactBytes)).artifactId;
}

export interface Analysis {
  readonly result: RunResult;
  readonly events: readonly AgentEvent[];
}

export async function analyse(
  runtime: EnginehouseRuntime,
  userId: string,
  input: unknown,
  runId = `run-of-${userId}`,
): Promise<Analysis> {
  await using engine = await runtime.factory.createForUser(userContext(userId, runId));
  const run = engine.executeAgent('analyst', input);
  const events = await Array.fromAsync(run);
  return { result: await run.result, events };
}

/** A user's artifact as text; empty when it is not the user's. */
export function artifactText(runtime: EnginehouseRuntime, userId: string, artifactId: string): Promise<string> {
  return text(runtime.store.for(userContext(userId, 'read')).artifacts.read(artifactId));
}

/** What a completed run resulted in. */
export function resultOf({
  result,
}: Analysis): Readonly<Record<string, unknown>> & { readonly report: string; readonly markdown: string } {
  if (result.status !== 'completed') throw new Error(`the run did not complete: ${JSON.stringify(result)}`);
  return result.result as unknown as ReturnType<typeof resultOf>;
}

export async function reportOf(runtime: EnginehouseRuntime, userId: string, analysis: Analysis): Promise<Report> {
  return JSON.parse(await artifactText(runtime, userId, resultOf(analysis).report)) as Report;
}
