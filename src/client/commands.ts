import { EnginehouseError, isEnginehouseError, reviveError } from '../base/errors.ts';
import type { ClientFrame, Position, ServerFrame } from '../context/wire.ts';

export type CommandFrame = Extract<ClientFrame, { t: 'cmd' }>;
type Answer = Extract<ServerFrame, { t: 'res' }>;

interface Command {
  readonly text: string;
  readonly settle: PromiseWithResolvers<Position>;
}

/** Half of what a server takes: a second page of the same user has its share too. */
const AT_ONCE = 16;
const MAX_FRAME_BYTES = 65_536;

/**
 * Commands that are not answered yet. One keeps its id until it is, however many
 * sockets it takes, so it has one effect; the server knows the id again.
 */
export class Commands {
  readonly #send: (text: string) => void;
  readonly #unanswered = new Map<string, Command>();
  /** Given to the socket that is open now. */
  readonly #sent = new Set<string>();
  #maxFrameBytes = MAX_FRAME_BYTES;
  #open = false;

  constructor(send: (text: string) => void) {
    this.#send = send;
  }

  /** Resolves with the position where the effect is visible. @throws the server's error, `TOO_LARGE`, and what closed the client. */
  async run(frame: CommandFrame): Promise<Position> {
    const text = JSON.stringify(frame);
    const command: Command = { text, settle: Promise.withResolvers<Position>() };
    this.#refuseLarge(frame.op, text);
    this.#unanswered.set(frame.id, command);
    this.#flush();
    return command.settle.promise;
  }

  /** A socket is open: what is unanswered is said again. */
  resume(maxFrameBytes: number): void {
    this.#maxFrameBytes = maxFrameBytes;
    this.#open = true;
    this.#sent.clear();
    this.#flush();
  }

  pause(): void {
    this.#open = false;
  }

  answered(answer: Answer): void {
    const command = this.#unanswered.get(answer.id);
    if (command === undefined) return;
    const error = answer.ok ? undefined : reviveError(answer.err);
    // The server goes away and carried nothing out: the next one is asked.
    if (isEnginehouseError(error, 'DRAINING')) return;
    this.#unanswered.delete(answer.id);
    this.#sent.delete(answer.id);
    if (answer.ok) command.settle.resolve(answer.at);
    else if (error !== undefined) command.settle.reject(error);
    this.#flush();
  }

  fail(error: EnginehouseError): void {
    for (const { settle } of this.#unanswered.values()) settle.reject(error);
    this.#unanswered.clear();
  }

  #flush(): void {
    if (!this.#open) return;
    for (const [id, { text }] of this.#unanswered) {
      if (this.#sent.size >= AT_ONCE) return;
      if (this.#sent.has(id)) continue;
      this.#sent.add(id);
      this.#send(text);
    }
  }

  #refuseLarge(op: string, text: string): void {
    const limitBytes = this.#maxFrameBytes;
    if (text.length * 3 <= limitBytes) return;
    const bytes = new TextEncoder().encode(text).length;
    if (bytes <= limitBytes) return;
    throw new EnginehouseError('TOO_LARGE', `${op} is ${bytes} bytes, a frame has at most ${limitBytes}`, {
      what: op,
      limitBytes,
    });
  }
}
