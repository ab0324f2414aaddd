/**
 * Names for what is another text in every run: `run#1`, `user#1`, `artifact#2` …
 * in the order in which they are first seen. What is known to be an id is named
 * by its kind; what only looks like one (a UUID, 32 or more hexadecimal digits)
 * is `id#1` or `mark#1`.
 *
 * A name is given in two steps, because neighbours without an order are sorted
 * before anything is numbered: `marked()` finds the ids, and then either
 * `unnumbered()` makes a text to sort by, or `numbered()` the text to show.
 */

import type { AgentEvent } from '../../context/event.ts';

export type IdKind = 'run' | 'thread' | 'user' | 'tenant' | 'artifact' | 'call' | 'approval' | 'id' | 'mark';

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
/** Users of the test kit, whose ids are a name and a mark, and what is named after them. */
const KIT_USER = '[A-Za-z]\\w*-(?:[0-9a-f]{32}|[0-9a-f]{8})';

const LOOKS: readonly (readonly [kind: IdKind, pattern: string])[] = [
  ['tenant', `test-${UUID}`],
  ['id', UUID],
  ['run', `run-${KIT_USER}-\\d+`],
  ['thread', `thread-${KIT_USER}-\\d+`],
  ['user', KIT_USER],
  ['mark', '[0-9a-f]{32,}'],
];
const LOOK: readonly (readonly [kind: IdKind, look: RegExp])[] = LOOKS.map(([kind, pattern]) => [
  kind,
  new RegExp(`^(?:${pattern})$`),
]);

/** A time of the clock is another one each time, and nothing refers to it: ISO 8601, or milliseconds since the epoch. */
const TIME =
  '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?(?:Z|[+-]\\d\\d:\\d\\d)|(?<![.\\w])1\\d{12}(?![.\\w])';
const PORT = '(?<=(?:127\\.0\\.0\\.1|localhost|\\[::1\\]):)\\d{2,5}';
const LOOSE = new RegExp(`(?<time>${TIME})|${PORT}`, 'g');

/** No text of a timeline holds it: JSON writes control characters otherwise. */
const MARK = '\u0001';
const MARKED = new RegExp(`${MARK}([a-z]+) ([^${MARK}]*)${MARK}`, 'g');

/** A text in quotation marks as JSON writes it, or what is between two of them. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[^"]+/g;

/** An id shorter than this is replaced only where it is a whole text: inside of others it may be any word. */
const LONG_ID = 6;

export class Names {
  readonly #kinds = new Map<string, IdKind>();
  readonly #numbers = new Map<string, string>();
  readonly #counts = new Map<string, number>();
  #inside: RegExp | undefined;

  /** Says of which kind an id is. What was said first counts. */
  know(kind: IdKind, id: string): void {
    const text = JSON.stringify(id).slice(1, -1);
    if (id === '' || id === SYSTEM || this.#kinds.has(text)) return;
    this.#kinds.set(text, kind);
    this.#inside = undefined;
  }

  /** Learns every id that the events name as one. */
  learn(events: readonly AgentEvent[]): void {
    for (const event of events) for (const [kind, id] of idsOf(event)) this.know(kind, id);
  }

  /** The text with every id in it marked, and without times and ports. */
  marked(text: string): string {
    const inside = (this.#inside ??= this.#pattern());
    return text
      .replaceAll(TOKEN, (token) => this.#whole(token) ?? token.replaceAll(inside, (id) => this.#mark(id)))
      .replaceAll(LOOSE, (...found: readonly unknown[]) => (isTime(found.at(-1)) ? '<time>' : '<port>'));
  }

  unnumbered(text: string): string {
    return text.replaceAll(MARKED, '$1#');
  }

  numbered(text: string): string {
    return text.replaceAll(MARKED, (_marked: string, kind: string, id: string) => this.#number(kind, id));
  }

  /** An id that is a whole text loses its quotation marks, so that no text can be taken for a name. */
  #whole(token: string): string | undefined {
    if (!token.startsWith('"')) return undefined;
    const id = token.slice(1, -1);
    return this.#kindOf(id) === undefined ? undefined : this.#mark(id);
  }

  #mark(id: string): string {
    return `${MARK}${this.#kindOf(id) ?? 'id'} ${id}${MARK}`;
  }

  #kindOf(id: string): IdKind | undefined {
    return this.#kinds.get(id) ?? LOOK.find(([, look]) => look.test(id))?.[0];
  }

  #number(kind: string, id: string): string {
    const known = this.#numbers.get(id);
    if (known !== undefined) return known;
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    const name = `${kind}#${count}`;
    this.#numbers.set(id, name);
    return name;
  }

  #pattern(): RegExp {
    const long = [...this.#kinds.keys()].filter((id) => id.length >= LONG_ID);
    const ids = long.toSorted((left, right) => right.length - left.length).map(escaped);
    const ways = [...ids, ...LOOKS.map(([, pattern]) => pattern)];
    return new RegExp(`(?<!\\w)(?:${ways.join('|')})(?!\\w)`, 'g');
  }
}

/** Who acts when no user does: the same in every run. */
const SYSTEM = 'enginehouse';

/** With named groups, the last argument of a replacer is what they matched. */
function isTime(groups: unknown): boolean {
  return typeof groups === 'object' && groups !== null && 'time' in groups && groups.time !== undefined;
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

function idsOf({ type, data }: AgentEvent): readonly (readonly [kind: IdKind, id: string])[] {
  switch (type) {
    case 'run_accepted':
      return [...of('run', data.parent), ...of('artifact', data.inputArtifact)];
    case 'tool_executing':
      return of('call', data.call);
    case 'tool_completed':
      return [...of('call', data.call), ...of('artifact', data.resultArtifact)];
    case 'step_completed':
      return data.name === 'enginehouse.id' ? of('id', data.result) : of('artifact', data.resultArtifact);
    case 'subagent_started':
      return of('run', data.run);
    case 'subagent_completed':
    case 'agent_completed':
      return of('artifact', data.resultArtifact);
    case 'artifact_created':
      return of('artifact', data.artifact);
    case 'approval_requested':
      return of('approval', data.approval);
    case 'cancel_requested':
    case 'agent_cancelled':
    case 'approval_resolved':
      return of('user', data.by);
    default:
      return [];
  }
}

function of(kind: IdKind, id: unknown): readonly (readonly [IdKind, string])[] {
  return typeof id === 'string' ? [[kind, id]] : [];
}
