import fc from 'fast-check';

import type { AgentEvent } from '../../src/context/event.ts';
import {
  accepted,
  begins,
  childBegins,
  childEnds,
  completed,
  ends,
  progress,
  says,
  started,
  stepped,
  thinks,
  written,
  type Written,
} from './written-log.ts';

type Act =
  | {
      readonly kind: 'call';
      readonly tool: string;
      readonly input: number;
      readonly told: number;
      readonly fails: boolean;
    }
  | { readonly kind: 'step'; readonly name: string; readonly result: number }
  | { readonly kind: 'child'; readonly agent: string; readonly input: number };

type Part = { readonly acts: readonly Act[] } | { readonly says: string } | { readonly thinks: string };

/** Choices that decide one interleaving, and every id in it. */
type Choices = Iterator<number>;

export interface Played {
  readonly runId: string;
  readonly events: readonly AgentEvent[];
  readonly children: ReadonlyMap<string, readonly AgentEvent[]>;
}

/** What an agent does: one thing after the other, and some of them side by side. */
export interface ShuffledRun {
  /** One of its logs: what is side by side is interleaved, text is cut, and ids are made, as the choices say. */
  play(choices: Choices): Played;
}

const word = fc.constantFrom('a', 'b', 'c');
const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ kind: fc.constant('call'), tool: word, input: fc.nat(2), told: fc.nat(2), fails: fc.boolean() }),
  fc.record({ kind: fc.constant('step'), name: word, result: fc.nat(2) }),
  fc.record({ kind: fc.constant('child'), agent: word, input: fc.nat(2) }),
);
const part: fc.Arbitrary<Part> = fc.oneof(
  fc.record({ acts: fc.array(act, { minLength: 1, maxLength: 5 }) }),
  fc.record({ says: fc.string({ minLength: 1, maxLength: 8 }) }),
  fc.record({ thinks: word }),
);

export function shuffledRun(): fc.Arbitrary<ShuffledRun> {
  return fc.array(part, { maxLength: 6 }).map((parts) => ({ play: (choices) => new Play(parts, choices).played() }));
}

class Play {
  readonly #parts: readonly Part[];
  readonly #choices: Choices;
  readonly #children = new Map<string, readonly AgentEvent[]>();
  readonly #calls = new Map<string, number>();

  constructor(parts: readonly Part[], choices: Choices) {
    this.#parts = parts;
    this.#choices = choices;
  }

  played(): Played {
    const events = written(accepted, started, ...this.#parts.flatMap((each) => this.#part(each)), completed);
    return { runId: this.#id(), events, children: this.#children };
  }

  #part(each: Part): readonly Written[] {
    if ('thinks' in each) return [thinks(each.thinks)];
    if ('says' in each) return this.#cut(each.says);
    const alone = each.acts.length === 1;
    const lanes = each.acts.map((one) => this.#act(one, alone));
    const all: Written[] = [];
    for (
      let left = lanes.filter((lane) => lane.length > 0);
      left.length > 0;
      left = left.filter((lane) => lane.length > 0)
    ) {
      const event = left[this.#below(left.length)]?.shift();
      if (event !== undefined) all.push(event());
    }
    return all;
  }

  /** The events of one act. They are made when their turn comes: ids are given in the order of the log. */
  #act(one: Act, alone: boolean): (() => Written)[] {
    if (one.kind === 'step') return [() => stepped(one.name, { alone, result: one.result })];
    if (one.kind === 'child') return this.#child(one.agent, one.input, alone);
    let call = '';
    const error = { code: 'TOOL_FAILED', message: 'no', details: {}, cure: '', retry: 'no' as const, ref: this.#id() };
    return [
      () => begins((call = this.#callId(one.tool)), { n: one.input }),
      ...Array.from({ length: one.told }, (_none, index) => () => progress(call, index)),
      () =>
        ends(call, {
          alone,
          durationMs: this.#below(50),
          ...(one.fails ? { outcome: 'error', error } : { result: { id: call } }),
        }),
    ];
  }

  #child(agent: string, input: number, alone: boolean): (() => Written)[] {
    const run = this.#id();
    this.#children.set(
      run,
      written({ type: 'run_accepted', data: { agent, version: '1', input, parent: this.#id() } }, started, completed),
    );
    return [() => childBegins(run, agent), () => childEnds(run, agent, { alone, result: { run } })];
  }

  #cut(text: string): readonly Written[] {
    const at = this.#below(text.length + 1);
    return [text.slice(0, at), text.slice(at)].filter((piece) => piece !== '').map((piece) => says(piece));
  }

  #callId(tool: string): string {
    const occurrence = this.#calls.get(tool) ?? 0;
    this.#calls.set(tool, occurrence + 1);
    return `${tool}#${occurrence}`;
  }

  #id(): string {
    return Array.from({ length: 4 }, () => this.#below(0x1_00_00_00_00).toString(16).padStart(8, '0')).join('');
  }

  #below(limit: number): number {
    return (this.#choices.next().value ?? 0) % limit;
  }
}
