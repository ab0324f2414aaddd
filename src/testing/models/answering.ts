/**
 * One call of a model, from being asked to its end.
 *
 *   A1. Whole or as a stream, the answer goes the same way: holds, pace and cuts
 *       work alike, and the content is the same.
 *   A2. An abort ends it at once, with the abort's reason, wherever it waits.
 *   A3. It is busy only while it makes something: not while it is held, not while
 *       it waits for the clock, and not while its reader does not read.
 */

import type {
  LanguageModelV4GenerateResult,
  LanguageModelV4ResponseMetadata,
  LanguageModelV4StreamPart,
  LanguageModelV4StreamResult,
} from '@ai-sdk/provider';
import { dateOf, sleep, type Clock } from '../../base/clock.ts';
import { orAborted } from '../../base/deadline.ts';
import type { Ids } from '../../base/ids.ts';
import type { LinkedSignal } from '../../base/linked-signal.ts';
import { answerOf, type Answer } from './answer.ts';
import type { TakenTurn } from './conversations.ts';
import type { ModelCall } from './model-call.ts';
import type { ModelHolds, Progress } from './model-holds.ts';
import { cutAnswer, cutStream } from './provider-failure.ts';
import { streamParts } from './stream-parts.ts';

/** What the calls of one test share. */
export interface AnsweringDeps {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly holds: ModelHolds;
  /** Calls that make something right now. */
  readonly busy: { count: number };
  /** Keeps what was refused. */
  readonly refuse: (error: unknown) => void;
}

interface AnsweringParts {
  readonly call: ModelCall;
  readonly taken: TakenTurn;
  readonly characters: number;
  /** Tokens after which the connection is lost. */
  readonly cutAfter: number | undefined;
  readonly link: LinkedSignal;
}

export class Answering {
  readonly #parts: AnsweringParts;
  readonly #deps: AnsweringDeps;
  #tokens = 0;
  #over = false;

  constructor(parts: AnsweringParts, deps: AnsweringDeps) {
    this.#parts = parts;
    this.#deps = deps;
  }

  async generate(): Promise<LanguageModelV4GenerateResult> {
    return this.#orBroken(async () => {
      const answer = await this.#begin();
      const response = this.#response();
      for await (const part of this.#course(answer, response)) void part;
      this.#end();
      const { content, finishReason, usage } = answer;
      return { content: [...content], finishReason, usage, response, warnings: [] };
    });
  }

  async stream(): Promise<LanguageModelV4StreamResult> {
    const answer = await this.#orBroken(() => this.#begin());
    return { stream: this.#readable(this.#course(answer, this.#response())) };
  }

  #readable(
    parts: AsyncGenerator<LanguageModelV4StreamPart, void, undefined>,
  ): ReadableStream<LanguageModelV4StreamPart> {
    const { signal } = this.#parts.link;
    return new ReadableStream<LanguageModelV4StreamPart>(
      {
        start: (controller) => {
          const abort = (): void => {
            if (this.#over) return;
            this.#break();
            controller.error(signal.reason);
          };
          if (signal.aborted) abort();
          else signal.addEventListener('abort', abort, { once: true });
        },
        pull: async (controller) => {
          const next = await this.#orBroken(() => parts.next());
          if (this.#over) return;
          if (next.done !== true) return controller.enqueue(next.value);
          this.#end();
          controller.close();
        },
        cancel: (reason) => {
          this.#break();
          // What is held or paced for this reader waits for nobody.
          this.#parts.link.abort(reason);
        },
      },
      // Nothing is made before it is read, so that a hold is where the reader is.
      { highWaterMark: 0 },
    );
  }

  async #begin(): Promise<Answer> {
    await this.#pass({ tokens: 0, at: 'before' });
    const { call, taken, characters } = this.#parts;
    const context = { call, characters, ids: this.#deps.ids, origin: taken.script.origin };
    return answerOf(taken.turn, context).catch((error: unknown) => {
      this.#deps.refuse(error);
      throw error;
    });
  }

  #course(
    answer: Answer,
    response: LanguageModelV4ResponseMetadata,
  ): AsyncGenerator<LanguageModelV4StreamPart, void, undefined> {
    const { taken, cutAfter, link } = this.#parts;
    return streamParts(answer, response, {
      beforeToken: async () => {
        if (this.#tokens === cutAfter) throw this.#cut();
        if (answer.paceMs > 0) await this.#rest(sleep(this.#deps.clock, answer.paceMs, link.signal));
      },
      afterToken: async () => {
        this.#tokens += 1;
        await this.#pass({ tokens: this.#tokens, at: 'within' });
      },
      afterCall: (called) => this.#pass({ tokens: this.#tokens, at: 'within', called }),
      beforeFinish: async () => {
        if (cutAfter !== undefined) throw this.#cut();
        await this.#pass({ tokens: this.#tokens, at: 'after' });
        taken.answered(answer.said, answer.callIds);
      },
    });
  }

  /** A2, A3 */
  async #pass(progress: Progress): Promise<void> {
    const { call, link } = this.#parts;
    link.signal.throwIfAborted();
    const held = this.#deps.holds.at(call, progress);
    if (held !== undefined) await this.#rest(orAborted(held, link.signal));
  }

  async #orBroken<T>(work: () => Promise<T>): Promise<T> {
    const { busy } = this.#deps;
    busy.count += 1;
    try {
      return await work();
    } catch (error) {
      this.#break();
      throw error;
    } finally {
      busy.count -= 1;
    }
  }

  async #rest<T>(work: Promise<T>): Promise<T> {
    const { busy } = this.#deps;
    busy.count -= 1;
    try {
      return await work;
    } finally {
      busy.count += 1;
    }
  }

  #break(): void {
    if (this.#over) return;
    this.#end();
    this.#parts.taken.broke();
  }

  #end(): void {
    this.#over = true;
    this.#parts.link[Symbol.dispose]();
  }

  #cut(): Error {
    return this.#parts.call.kind === 'stream' ? cutStream() : cutAnswer(this.#parts.call);
  }

  #response(): LanguageModelV4ResponseMetadata {
    const { clock, ids } = this.#deps;
    return { id: `response-${ids.next()}`, timestamp: dateOf(clock), modelId: this.#parts.call.model };
  }
}
