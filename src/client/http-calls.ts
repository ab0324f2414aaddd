import type { Clock } from '../base/clock.ts';
import { EnginehouseError, reviveError, type ErrorJson } from '../base/errors.ts';
import type { AgentEvent } from '../context/event.ts';
import type { RunStatus } from '../context/run-status.ts';
import type { RunResult } from './run-result.ts';

/** An agent that this server runs. */
export interface ListedAgent {
  readonly name: string;
  readonly version: string;
  readonly description?: string | undefined;
}

/** A run of a listing. */
export interface ListedRun {
  readonly runId: string;
  readonly threadId: string;
  readonly agent: string;
  readonly version: string;
  readonly status: RunStatus;
  /** How many events it has. */
  readonly head: number;
  readonly epoch: string;
  readonly crc: string;
  readonly origin: 'request' | 'engine' | 'agent';
  readonly parentRunId?: string | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly acceptedAt: number;
  readonly endedAt?: number | undefined;
}

/** A run with what its terminal event carries. */
export type RunDetails = ListedRun & Partial<Pick<RunResult, 'result' | 'resultArtifact' | 'error' | 'reason' | 'by'>>;

export interface RunPage {
  readonly runs: readonly ListedRun[];
  /** The `cursor` of the next page; absent on the last. */
  readonly next?: string | undefined;
}

export interface RunQuery {
  readonly limit?: number | undefined;
  /** The `next` of the page before. */
  readonly cursor?: string | undefined;
  readonly threadId?: string | undefined;
  readonly parentRunId?: string | undefined;
  readonly status?: RunStatus | undefined;
}

export interface EventPage {
  readonly events: readonly AgentEvent[];
  /** The seq of the last one: the `after` of the next page. */
  readonly next: number;
  readonly head: number;
  readonly status: RunStatus;
}

/** A file, table or chart of the user. */
export interface KeptArtifact {
  readonly artifactId: string;
  readonly runId?: string | undefined;
  readonly kind: string;
  readonly title: string;
  readonly mediaType: string;
  readonly createdAt: number;
  readonly bytes: number;
  /** SHA-256 of the content, hexadecimal. */
  readonly digest: string;
}

export interface UploadOptions {
  /** 1 to 256 characters. */
  readonly title: string;
  /** @default the blob's own, or 'application/octet-stream' */
  readonly mediaType?: string | undefined;
  /** @default 'file' */
  readonly kind?: string | undefined;
  /** The run that it belongs to. */
  readonly runId?: string | undefined;
  /** Ends the upload; nothing is kept then. */
  readonly signal?: AbortSignal | undefined;
}

/** What can be uploaded. */
export type Content = Blob | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | string;

export interface HttpDeps {
  readonly base: string;
  readonly fetch: typeof fetch;
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
  readonly clock: Clock;
}

interface Upload {
  readonly content: Content;
  readonly mediaType: string;
  readonly signal: AbortSignal | undefined;
}

/** From a request to the head of its answer. An upload takes as long as it goes on; the server ends one that does not. */
const ANSWER_MS = 30_000;

/** The HTTP routes, typed. Every failure is an `EnginehouseError`: the server's own, or `DISCONNECTED`. */
export class HttpCalls {
  readonly #deps: HttpDeps;

  constructor(deps: HttpDeps) {
    this.#deps = deps;
  }

  async agents(): Promise<readonly ListedAgent[]> {
    const { agents } = await this.#json<{ agents: readonly ListedAgent[] }>('/api/agents');
    return agents;
  }

  runs(query: RunQuery): Promise<RunPage> {
    return this.#json(`/api/runs${queryText({ ...query })}`);
  }

  run(id: string): Promise<RunDetails> {
    return this.#json(`/api/runs/${encodeURIComponent(id)}`);
  }

  events(id: string, after: number): Promise<EventPage> {
    return this.#json(`/api/runs/${encodeURIComponent(id)}/events${queryText({ after })}`);
  }

  upload(content: Content, { mediaType = typeOf(content), signal, ...named }: UploadOptions): Promise<KeptArtifact> {
    return this.#json(`/api/artifacts${queryText(named)}`, { content, mediaType, signal });
  }

  artifact(id: string): Promise<Response> {
    return this.#call(`/api/artifacts/${encodeURIComponent(id)}`);
  }

  /** Why the server does not let this client in; `undefined` when it does, or cannot be asked. */
  async refusal(): Promise<EnginehouseError | undefined> {
    try {
      await this.agents();
      return undefined;
    } catch (error) {
      return error instanceof EnginehouseError && (error.status === 401 || error.status === 403) ? error : undefined;
    }
  }

  async #json<T>(path: string, upload?: Upload): Promise<T> {
    const response = await this.#call(path, upload);
    try {
      // A parse boundary: the server's routes are typed by the same house.
      return (await response.json()) as T;
    } catch (error) {
      throw disconnected(path, error);
    }
  }

  async #call(path: string, upload?: Upload): Promise<Response> {
    const { base, clock } = this.#deps;
    const headers = await this.#deps.headers();
    const aborter = new AbortController();
    const disarm = upload === undefined ? clock.after(ANSWER_MS, () => aborter.abort(tooLate(path))) : undefined;
    const init = upload === undefined ? { headers, signal: aborter.signal } : uploadInit(upload, headers);
    let response: Response;
    try {
      response = await this.#deps.fetch(`${base}${path}`, init);
    } catch (error) {
      throw error instanceof EnginehouseError ? error : disconnected(path, error);
    } finally {
      disarm?.();
    }
    if (response.ok) return response;
    throw await errorOf(path, response);
  }
}

function uploadInit({ content, mediaType, signal }: Upload, headers: Readonly<Record<string, string>>): RequestInit {
  const init: RequestInit & { duplex: 'half' } = {
    method: 'POST',
    body: content,
    headers: { ...headers, 'Content-Type': mediaType },
    signal: signal ?? null,
    // What fetch asks for when the body is a stream.
    duplex: 'half',
  };
  return init;
}

function queryText(fields: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`;
}

function typeOf(content: unknown): string {
  return content instanceof Blob && content.type !== '' ? content.type : 'application/octet-stream';
}

async function errorOf(path: string, response: Response): Promise<EnginehouseError> {
  const json: unknown = await response.json().catch(() => undefined);
  if (isErrorJson(json)) return reviveError(json);
  const reason = `${path} was answered with ${response.status}`;
  return new EnginehouseError('DISCONNECTED', reason, { reason });
}

function isErrorJson(json: unknown): json is ErrorJson {
  return typeof json === 'object' && json !== null && 'code' in json && 'message' in json && 'ref' in json;
}

function disconnected(path: string, cause: unknown): EnginehouseError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new EnginehouseError('DISCONNECTED', `${path} could not be reached: ${reason}`, { reason }, { cause });
}

function tooLate(path: string): EnginehouseError {
  const message = `${path} was not answered within ${ANSWER_MS} ms`;
  return new EnginehouseError('DEADLINE', message, { what: path, timeoutMs: ANSWER_MS });
}
