/**
 * Finds the turn that a call is for.
 *
 *   V1. A call goes on with the conversation whose words its prompt extends. No
 *       turn is ever chosen by counting calls, so conversations at once do not mix.
 *   V2. Any other call begins a conversation, and takes the first script of its
 *       model that is left: first those that are for its user or its words, then
 *       the rest, in the order they were written.
 *   V3. Where two would do and they do not say the same, the call is refused.
 *       Nothing is decided by who comes first.
 *   V4. A turn that broke off is given again to who asks the same again.
 *   V5. Users never share a conversation.
 */

import type { EnginehouseError } from '../../base/errors.ts';
import { Conversation } from './conversation.ts';
import { keyAfterReply, type History } from './history.ts';
import type { ModelCall } from './model-call.ts';
import { ambiguousConversation, ambiguousScript, exhausted, leftOver, unknownModel, unused } from './script-errors.ts';
import type { Script } from './script.ts';
import type { Turn } from './turn.ts';

/** Conversations that are remembered, the latest ones. */
const MAX_REMEMBERED = 5_000;

/** A turn that a call was given. */
export interface TakenTurn {
  readonly turn: Turn;
  readonly script: Script;
  /** It was said, with these words and tool calls. */
  answered(said: string, callIds: readonly string[]): void;
  /** It was not. */
  broke(): void;
}

export class Conversations {
  readonly #scripts = new Map<string, Script[]>();
  /** By the histories, and the tool calls, that they were at. */
  readonly #places = new Map<string, Set<Conversation>>();
  readonly #unfinished = new Map<Script, Set<Conversation>>();
  readonly #known = new Map<Conversation, Set<string>>();
  #tick = 0;

  /** What happened so far, as a number that grows. */
  tick(): number {
    return (this.#tick += 1);
  }

  get models(): readonly string[] {
    return [...this.#scripts.keys()];
  }

  add(script: Script): void {
    const ofModel = this.#scripts.get(script.model);
    if (ofModel === undefined) this.#scripts.set(script.model, [script]);
    else ofModel.push(script);
  }

  /** @throws `MODEL_UNKNOWN`, `MODEL_SCRIPT_EXHAUSTED`, `MODEL_SCRIPT_AMBIGUOUS` */
  take(call: ModelCall, history: History): TakenTurn {
    const scripts = this.#scripts.get(call.model);
    if (scripts === undefined) throw unknownModel(call, this.models);
    const known = this.#goesOn(call, history);
    const conversation =
      known === undefined || this.#isOver(known, history) ? this.#begins(call, scripts, known) : known;
    const whole = history.keys.at(-1) ?? '';
    const taken = conversation.take(call, whole);
    if (conversation.ended) this.#unfinished.get(conversation.script)?.delete(conversation);
    // A script has a turn or more, and one that ended was not chosen.
    if (taken === undefined) throw this.#exhausted(call, scripts, known);
    return {
      turn: taken.turn,
      script: conversation.script,
      answered: (said, callIds) => {
        const key = keyAfterReply(history, said);
        conversation.latest = key;
        // A turn of calls alone adds no words: its history is the question's, and only the calls tell it.
        const words = said === '' ? [] : [place(call, 'said', key)];
        this.#remember(conversation, [...words, ...callIds.map((id) => place(call, 'called', id))]);
      },
      broke: () => {
        conversation.broke(taken.index, whole);
        this.#remember(conversation, [place(call, 'asked', whole)]);
      },
    };
  }

  /** One for each script that was not used to its end. */
  unused(): readonly EnginehouseError<'MODEL_SCRIPT_UNUSED'>[] {
    return [...this.#scripts.values()].flat().flatMap((script) => {
      const left = leftOver(script, this.#waiting(script));
      return left === undefined ? [] : [unused(script, left)];
    });
  }

  /** V1 */
  #goesOn(call: ModelCall, { keys, callIds }: History): Conversation | undefined {
    for (const id of callIds) {
      const [caller] = this.#at(call, 'called', id);
      if (caller !== undefined) return caller;
    }
    for (const [back, key] of keys.toReversed().entries()) {
      // A question that was answered is no place to go on from: who asks it again begins another conversation.
      const asked = this.#at(call, 'asked', key).filter((one) => back > 0 || one.brokeAt(key));
      const here = new Set([...this.#at(call, 'said', key), ...asked]);
      if (here.size > 0) return oneOf([...here], key, call);
    }
    return undefined;
  }

  /** V2 */
  #begins(call: ModelCall, scripts: readonly Script[], before: Conversation | undefined): Conversation {
    const inTurn = [...scripts.filter(({ guarded }) => guarded), ...scripts.filter(({ guarded }) => !guarded)];
    for (const script of inTurn) {
      if (!script.accepts(call)) continue;
      const next = script.inOrder ? this.#waiting(script).find(({ userId }) => userId === call.userId) : undefined;
      if (next !== undefined) return next;
      if (!script.available) continue;
      refuseRace(call, script, scripts);
      const conversation = this.#begin(script, call);
      if (before === undefined) conversation.joinAt(script.turnsShownIn(call.prompt));
      return conversation;
    }
    throw this.#exhausted(call, scripts, before);
  }

  #begin(script: Script, call: ModelCall): Conversation {
    script.begin(call, this.tick());
    const conversation = new Conversation(script, call);
    const unfinished = this.#unfinished.get(script);
    if (unfinished === undefined) this.#unfinished.set(script, new Set([conversation]));
    else unfinished.add(conversation);
    return conversation;
  }

  /** Conversations of a script that have turns left. */
  #waiting(script: Script): readonly Conversation[] {
    return [...(this.#unfinished.get(script) ?? [])];
  }

  #exhausted(call: ModelCall, scripts: readonly Script[], before: Conversation | undefined): EnginehouseError {
    const waiting = scripts.reduce((sum, script) => sum + this.#waiting(script).length, 0);
    return exhausted(call, { scripts, before, waiting });
  }

  #isOver(conversation: Conversation, { keys }: History): boolean {
    return conversation.ended && !conversation.brokeAt(keys.at(-1) ?? '');
  }

  /** V5 */
  #at(call: ModelCall, kind: PlaceKind, key: string): readonly Conversation[] {
    return [...(this.#places.get(place(call, kind, key)) ?? [])].filter((one) => one.mayBeOf(call));
  }

  #remember(conversation: Conversation, places: readonly string[]): void {
    const known = this.#known.get(conversation) ?? new Set();
    this.#known.set(conversation, known);
    for (const one of places) {
      known.add(one);
      const here = this.#places.get(one);
      if (here === undefined) this.#places.set(one, new Set([conversation]));
      else here.add(conversation);
    }
    if (this.#known.size > MAX_REMEMBERED) this.#forgetOldest();
  }

  #forgetOldest(): void {
    const [oldest] = this.#known;
    if (oldest === undefined) return;
    const [conversation, places] = oldest;
    this.#known.delete(conversation);
    for (const one of places) {
      const here = this.#places.get(one);
      here?.delete(conversation);
      if (here?.size === 0) this.#places.delete(one);
    }
  }
}

/** Where a conversation may be gone on from: what the model said, what it called, what it was asked and did not answer. */
type PlaceKind = 'said' | 'called' | 'asked';

function place({ model }: ModelCall, kind: PlaceKind, key: string): string {
  return `${kind} ${key} ${model}`;
}

/** V3: of those that are at this place, or have been, the one that the call goes on with. */
function oneOf(here: readonly Conversation[], key: string, call: ModelCall): Conversation | undefined {
  const now = here.filter(({ latest }) => latest === key);
  const near = now.length > 0 ? now : here;
  const ofRun = call.runId === undefined ? [] : near.filter(({ runId }) => runId === call.runId);
  const pool = ofRun.length > 0 ? ofRun : near;
  const [first] = pool;
  const other = first === undefined ? undefined : pool.find((one) => !one.isLike(first));
  if (first !== undefined && other !== undefined) throw ambiguousConversation(call, first, other);
  return first;
}

/** V3: two users who take differing scripts from one heap would get them in the order they come. */
function refuseRace(call: ModelCall, script: Script, scripts: readonly Script[]): void {
  const { userId } = call;
  if (userId === undefined || script.guarded) return;
  for (const other of scripts) {
    const rival = other.guarded ? undefined : other.takenByOther(userId, script.writtenAt);
    if (rival !== undefined && !script.saysTheSame(other)) throw ambiguousScript(call, script, other);
  }
}
