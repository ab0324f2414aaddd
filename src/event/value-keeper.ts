import { createHash } from 'node:crypto';

import { canonicalJson, nestsDeeper, type Json } from '../base/canonical-json.ts';
import type { Clock } from '../base/clock.ts';
import { EnginehouseError } from '../base/errors.ts';
import type { RunId } from '../context/ids.ts';
import { LIMITS, type Limits } from '../context/limits.ts';
import type { ArtifactStore } from './store.ts';

/** A result inside an event, or a reference to the artifact that holds it. */
export interface KeptValue {
  readonly result?: Json | undefined;
  readonly resultArtifact?: string | undefined;
}

export interface ValueKeeperDeps {
  readonly runId: RunId;
  readonly artifacts: ArtifactStore;
  readonly clock: Clock;
  readonly limits: Pick<Limits, 'inlineBytes' | 'resultBytes'>;
}

/** Keeps a run's inputs and results: small ones inside their event, larger ones as artifacts, so that a log never holds much. */
export class ValueKeeper {
  readonly #deps: ValueKeeperDeps;

  constructor(deps: ValueKeeperDeps) {
    this.#deps = deps;
  }

  /**
   * Prepares `value` for an event. `undefined` is kept as `null`. `what` names it in its run: a value of the same name replaces it.
   *
   * @throws `EVENT_INVALID` when it is not JSON or nests without end, `TOO_LARGE` past limits.resultBytes.
   */
  async keep(what: string, value: unknown): Promise<KeptValue> {
    const text = this.#text(what, value);
    const bytes = Buffer.from(text);
    const { inlineBytes, resultBytes } = this.#deps.limits;
    if (bytes.length <= inlineBytes) return { result: JSON.parse(text) as Json };
    if (bytes.length > resultBytes) {
      throw new EnginehouseError('TOO_LARGE', `${what} is ${bytes.length} bytes, at most ${resultBytes} are kept`, {
        what,
        limitBytes: resultBytes,
      });
    }
    const { runId, artifacts, clock } = this.#deps;
    // Made of both, so that a repeated attempt replaces it, and no other run can.
    const artifactId = createHash('sha256')
      .update(canonicalJson([runId, what]))
      .digest('hex')
      .slice(0, 32);
    const artifact = {
      artifactId,
      runId,
      kind: 'value',
      title: what,
      mediaType: 'application/json',
      createdAt: clock.now(),
    };
    await artifacts.put(artifact, [bytes], resultBytes);
    return { resultArtifact: artifactId };
  }

  /** What `keep` prepared, as a value of its own. @throws `NOT_FOUND` when its artifact was deleted */
  async load(kept: KeptValue): Promise<Json> {
    const id = kept.resultArtifact;
    if (id === undefined) return structuredClone(kept.result) ?? null;
    const pieces: Uint8Array[] = [];
    for await (const piece of this.#deps.artifacts.read(id)) pieces.push(piece);
    if (pieces.length === 0)
      throw new EnginehouseError('NOT_FOUND', `artifact ${id} was deleted`, { what: 'artifact', id });
    return JSON.parse(Buffer.concat(pieces).toString('utf8')) as Json;
  }

  #text(what: string, value: unknown): string {
    try {
      const text = canonicalJson(value ?? null);
      if (!nestsDeeper(text, LIMITS.inputDepth.default)) return text;
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new EnginehouseError('EVENT_INVALID', `${what} is not JSON: ${reason}`, { type: what, reason }, { cause });
    }
    const reason = `it nests more than ${LIMITS.inputDepth.default} levels deep`;
    throw new EnginehouseError('EVENT_INVALID', `${what} is malformed: ${reason}`, { type: what, reason });
  }
}
