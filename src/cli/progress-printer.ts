import { dim, note, plain } from './output.ts';
import { eventText } from './event-text.ts';
import type { TreeEvent } from '../client/follow-tree.ts';

/** Characters of one message that are kept until it is whole; a person reads no more on a terminal. */
const MESSAGE_SHOWN = 4_000;
const NAME_WIDTH = 20;

/** Prints a run while it goes on, one line per event that tells a person something. */
export class ProgressPrinter {
  readonly #agents = new Map<string, string>();
  readonly #messages = new Map<string, string>();
  #startedAt: number | undefined;

  show({ runId, event }: TreeEvent): void {
    this.#startedAt ??= event.at;
    if (event.type === 'run_accepted') this.#accepted(runId, event.data.agent, event.at);
    else if (event.type === 'message_delta') this.#hear(runId, event.data.delta);
    else if (event.type === 'message_completed') this.#print(runId, event.at, plain(this.#messages.get(runId) ?? ''));
    else this.#print(runId, event.at, eventText(event) ?? '');
    if (event.type === 'message_completed' || event.type === 'step_reset') this.#messages.delete(runId);
  }

  #accepted(runId: string, agent: string, at: number): void {
    const root = this.#agents.size === 0;
    this.#agents.set(runId, plain(agent));
    if (root) this.#print(runId, at, `run ${plain(runId)}`);
  }

  #hear(runId: string, delta: string): void {
    this.#messages.set(runId, ((this.#messages.get(runId) ?? '') + delta).slice(0, MESSAGE_SHOWN));
  }

  #print(runId: string, at: number, text: string): void {
    if (text === '') return;
    const time = ((at - (this.#startedAt ?? at)) / 1_000).toFixed(2).padStart(7);
    const agent = (this.#agents.get(runId) ?? '').padEnd(NAME_WIDTH);
    note(`${dim(`${time} s  ${agent}`, process.stderr)}  ${text}`);
  }
}
