import { createHash } from 'node:crypto';

import type { Clock } from '../base/clock.ts';
import { orAborted } from '../base/deadline.ts';
import { EnginehouseError } from '../base/errors.ts';
import type { UserExecutionContext } from '../context/user-execution-context.ts';
import type { Limits } from '../context/limits.ts';
import type { ArtifactRecord, ArtifactStore } from '../event/store.ts';
import type { UserWebSocketEmitter } from '../event/user-websocket-emitter.ts';
import type { ArtifactAccess, ArtifactOptions } from './artifact-access.ts';
import type { StepRecord } from './step-record.ts';

interface RunArtifactsDeps {
  readonly store: ArtifactStore;
  readonly emitter: UserWebSocketEmitter;
  readonly record: StepRecord;
  readonly clock: Clock;
  readonly limits: Pick<Limits, 'artifactBytes'>;
  /** Aborts when the attempt is over: nothing is kept after that. */
  readonly signal: AbortSignal;
}

/** The files of one run's user. Creating one under a title that the run used before replaces it. */
export class RunArtifacts implements ArtifactAccess {
  readonly #user: UserExecutionContext;
  readonly #deps: RunArtifactsDeps;

  constructor(user: UserExecutionContext, deps: RunArtifactsDeps) {
    this.#user = user;
    this.#deps = deps;
  }

  async create(
    content: string | Uint8Array | AsyncIterable<Uint8Array>,
    options: ArtifactOptions,
  ): Promise<ArtifactRecord> {
    const { runId } = this.#user;
    const { store, emitter, record, clock, limits, signal } = this.#deps;
    signal.throwIfAborted();
    const { title, kind = 'file' } = options;
    const mediaType =
      options.mediaType ?? (typeof content === 'string' ? 'text/plain; charset=utf-8' : 'application/octet-stream');
    const artifactId = createHash('sha256').update(`${runId}\n${title}`).digest('hex').slice(0, 32);
    const kept = await store.put(
      { artifactId, runId, kind, title, mediaType, createdAt: clock.now() },
      pieces(content, signal),
      limits.artifactBytes,
    );
    if (!record.announced(artifactId)) {
      await emitter.emit('artifact_created', { artifact: artifactId, kind, title, mediaType, bytes: kept.bytes });
    }
    return kept;
  }

  async get(artifactId: string): Promise<ArtifactRecord> {
    const found = await this.#deps.store.get(artifactId);
    if (found === undefined)
      throw new EnginehouseError('NOT_FOUND', `artifact ${artifactId} does not exist`, {
        what: 'artifact',
        id: artifactId,
      });
    return found;
  }

  async *read(artifactId: string): AsyncIterable<Uint8Array> {
    await this.get(artifactId);
    yield* this.#deps.store.read(artifactId);
  }
}

/** The content in pieces, until the signal aborts: a source may never end. */
async function* pieces(
  content: string | Uint8Array | AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  if (typeof content === 'string' || content instanceof Uint8Array) {
    yield typeof content === 'string' ? Buffer.from(content) : content;
    return;
  }
  const source = content[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await orAborted(source.next(), signal);
      if (done === true) return;
      yield value;
    }
  } finally {
    // Not waited for: one that hangs does not come back from this either.
    source.return?.()?.catch(() => undefined);
  }
}
