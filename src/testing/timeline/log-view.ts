import type { AgentEvent, EventData } from '../../context/event.ts';

/** A call or a child run in a log. Places count from 0. */
interface Whole<Began, Ended> {
  readonly began: Began | undefined;
  readonly ended: Ended | undefined;
  /** What begins and ends it. A call that was done again after a crash began more than once. */
  readonly places: readonly number[];
}

export type WholeCall = Whole<EventData<'tool_executing'>, EventData<'tool_completed'>>;
export type WholeChild = Whole<EventData<'subagent_started'>, EventData<'subagent_completed'>>;

interface Growing<Began, Ended> {
  began: Began | undefined;
  ended: Ended | undefined;
  readonly places: number[];
}

/** A log with what belongs together in it, read once. */
export class LogView {
  readonly events: readonly AgentEvent[];
  readonly #calls = new Map<string, Growing<EventData<'tool_executing'>, EventData<'tool_completed'>>>();
  readonly #children = new Map<string, Growing<EventData<'subagent_started'>, EventData<'subagent_completed'>>>();
  readonly #texts = new Map<string, number[]>();

  constructor(events: readonly AgentEvent[]) {
    this.events = events;
    for (const [place, event] of events.entries()) {
      this.#read(event, place);
      const text = textKey(event);
      if (text !== undefined) this.#textOf(text).push(place);
    }
  }

  /** The call that begins at this place, or ends there without having begun. */
  callAt(place: number): WholeCall | undefined {
    const event = this.events[place];
    if (event?.type !== 'tool_executing' && event?.type !== 'tool_completed') return undefined;
    const call = this.#calls.get(event.data.call);
    return call?.places[0] === place ? call : undefined;
  }

  /** The child run that begins at this place. */
  childAt(place: number): WholeChild | undefined {
    const event = this.events[place];
    if (event?.type !== 'subagent_started' && event?.type !== 'subagent_completed') return undefined;
    const child = this.#children.get(event.data.run);
    return child?.places[0] === place ? child : undefined;
  }

  /**
   * The places, from this one on, of the text that is streamed here, one list for each message: its own, and those that
   * begin when the one before has ended. None when no text is streamed here.
   */
  textsFrom(place: number): readonly (readonly number[])[] {
    const key = textKey(this.events[place]);
    const own = key === undefined ? [] : (this.#texts.get(key) ?? []);
    const texts = [own.slice(own.indexOf(place))];
    let last = own.at(-1) ?? this.events.length;
    for (const places of this.#texts.values()) {
      const first = places[0] ?? -1;
      if (first <= last || this.events[first]?.type !== this.events[place]?.type) continue;
      texts.push(places);
      last = places.at(-1) ?? last;
    }
    return texts;
  }

  #textOf(key: string): number[] {
    const places = this.#texts.get(key) ?? [];
    this.#texts.set(key, places);
    return places;
  }

  #read({ type, data }: AgentEvent, place: number): void {
    switch (type) {
      case 'tool_executing':
      case 'tool_completed': {
        const call = growing(this.#calls, data.call);
        call.places.push(place);
        if (type === 'tool_executing') call.began ??= data;
        else call.ended ??= data;
        return;
      }
      case 'subagent_started':
      case 'subagent_completed': {
        const child = growing(this.#children, data.run);
        child.places.push(place);
        if (type === 'subagent_started') child.began ??= data;
        else child.ended ??= data;
        return;
      }
      default:
    }
  }
}

function growing<Began, Ended>(all: Map<string, Growing<Began, Ended>>, id: string): Growing<Began, Ended> {
  const known = all.get(id);
  if (known !== undefined) return known;
  const fresh: Growing<Began, Ended> = { began: undefined, ended: undefined, places: [] };
  all.set(id, fresh);
  return fresh;
}

function textKey(event: AgentEvent | undefined): string | undefined {
  if (event?.type === 'message_delta') return `message ${event.data.message}`;
  return event?.type === 'reasoning_delta' ? `part ${event.data.part}` : undefined;
}
