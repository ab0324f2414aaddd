/**
 * What holds of the log of every run, whatever its agent did:
 *
 *   T1. It begins with `run_accepted`, once, and is numbered 1, 2, 3 … without gaps.
 *   T2. A run that has ended has exactly one terminal event, and nothing after it.
 *   T3. Every `tool_executing` is closed once, after it began. A call that was
 *       refused before it ran has only an end; one that is run again after a
 *       crash begins again while it is open.
 *   T4. Progress is told only while its call runs.
 *   T5. Every child run that began is closed, once.
 *   T6. A cancelled run was asked to end before.
 *   T7. Times never go back.
 */

import type { AgentEvent, EventData } from '../../context/event.ts';
import { isTerminal } from '../../context/run-status.ts';

export interface InvariantOptions {
  /** Whether the run has ended. Of one that has not, no terminal event is asked, and calls may be open. @default true */
  readonly ended?: boolean | undefined;
}

/** What is wrong with the log of one run, each with the event's number; none when all invariants hold. */
export function brokenInvariants(
  events: readonly AgentEvent[],
  { ended = true }: InvariantOptions = {},
): readonly string[] {
  const check = new LogCheck();
  for (const event of events) check.take(event);
  return check.broken(ended);
}

class LogCheck {
  readonly #broken: string[] = [];
  readonly #calls = new Spans('call', 'tool_executing', 'tool_completed');
  readonly #children = new Spans('child run', 'subagent_started', 'subagent_completed');
  #count = 0;
  #at = Number.NEGATIVE_INFINITY;
  #asked = false;
  #terminal: AgentEvent | undefined;

  take(event: AgentEvent): void {
    this.#order(event);
    this.#follow(event);
    this.#count += 1;
    this.#at = event.at;
    if (isTerminal(event.type)) this.#terminal ??= event;
  }

  broken(ended: boolean): readonly string[] {
    if (!ended) return this.#broken;
    if (this.#count === 0) return ['the log is empty: it must begin with run_accepted'];
    const end = this.#terminal === undefined ? ['the run has ended without a terminal event'] : [];
    return [...this.#broken, ...end, ...this.#calls.open(), ...this.#children.open()];
  }

  /** T1, T2, T7 */
  #order({ seq, type, at }: AgentEvent): void {
    const place = this.#count + 1;
    if (seq !== place) this.#say(`event ${place} has the number ${seq}`);
    if ((place === 1) !== (type === 'run_accepted'))
      this.#say(
        place === 1 ? `the log begins with ${type}, not with run_accepted` : `event ${seq} accepts the run again`,
      );
    if (this.#terminal !== undefined)
      this.#say(`event ${seq}, ${type}, comes after the terminal event ${this.#terminal.seq}, ${this.#terminal.type}`);
    if (at < this.#at) this.#say(`event ${seq}, ${type}, is ${this.#at - at} ms earlier than the event before it`);
  }

  #follow({ type, data, seq }: AgentEvent): void {
    switch (type) {
      case 'tool_executing':
        // A second attempt runs an idempotent call again.
        return this.#say(this.#calls.begin(data.call, seq, { again: true }));
      case 'tool_progress':
        return this.#say(this.#calls.during(data.call, seq, type));
      case 'tool_completed':
        return this.#say(this.#calls.end(data.call, seq, ranBefore(data.outcome)));
      case 'subagent_started':
        return this.#say(this.#children.begin(data.run, seq, { again: false }));
      case 'subagent_completed':
        return this.#say(this.#children.end(data.run, seq, true));
      case 'cancel_requested':
        this.#asked = true;
        return;
      case 'agent_cancelled':
        return this.#say(
          this.#asked ? undefined : `event ${seq}, agent_cancelled, was asked for by no cancel_requested`,
        );
      default:
    }
  }

  #say(what: string | undefined): void {
    if (what !== undefined) this.#broken.push(what);
  }
}

/** Whether a call that ended like this had begun: a refused one had not. */
function ranBefore(outcome: EventData<'tool_completed'>['outcome']): boolean {
  return outcome === 'ok' || outcome === 'timeout' || outcome === 'unknown';
}

/** What begins and ends, by its id: from the event that opens it to the one that closes it. T3, T5 */
class Spans {
  readonly #what: string;
  readonly #begins: string;
  readonly #ends: string;
  readonly #open = new Map<string, number>();
  readonly #closed = new Map<string, number>();

  constructor(what: string, begins: string, ends: string) {
    this.#what = what;
    this.#begins = begins;
    this.#ends = ends;
  }

  begin(id: string, seq: number, { again }: { readonly again: boolean }): string | undefined {
    const closed = this.#closed.get(id);
    if (closed !== undefined) return `event ${seq} begins ${this.#what} ${id}, which event ${closed} closed`;
    const open = this.#open.get(id);
    if (open !== undefined && !again) return `event ${seq} begins ${this.#what} ${id}, which event ${open} began`;
    if (open === undefined) this.#open.set(id, seq);
    return undefined;
  }

  during(id: string, seq: number, type: string): string | undefined {
    return this.#open.has(id) ? undefined : `event ${seq}, ${type}, is of ${this.#what} ${id}, which does not run then`;
  }

  end(id: string, seq: number, mustHaveBegun: boolean): string | undefined {
    const closed = this.#closed.get(id);
    if (closed !== undefined) return `event ${seq} closes ${this.#what} ${id}, which event ${closed} closed`;
    const began = this.#open.delete(id);
    this.#closed.set(id, seq);
    return began || !mustHaveBegun ? undefined : `event ${seq} closes ${this.#what} ${id}, which never began`;
  }

  open(): readonly string[] {
    return [...this.#open].map(
      ([id, seq]) => `${this.#what} ${id}, begun by ${this.#begins} in event ${seq}, has no ${this.#ends}`,
    );
  }
}
