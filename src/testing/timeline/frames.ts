/**
 * What a user's sockets received, read from the raw text frames, and held
 * against the log.
 *
 *   S1. Nothing is mended here: an event that was sent twice counts once only if
 *       both are the same; what is no frame of the protocol is told as such.
 *   S2. Frames of several sockets, and several subscriptions of one run, may be
 *       mixed in any order.
 */

import { isRecord } from '../../base/is-record.ts';
import { canonicalEvent } from '../../context/canonical-event.ts';
import { unpackEvent } from '../../context/event-tuple.ts';
import type { AgentEvent } from '../../context/event.ts';
import { crcText, runStream, type ServerFrame } from '../../context/wire.ts';
import { foldOf } from './fold.ts';

type EventFrame = Extract<ServerFrame, { t: 'ev' }>;
type EndFrame = Extract<ServerFrame, { t: 'end' }>;

const RUN_STREAM = runStream('');

/** Every event that the frames hold, by run, in order of seq. Two that differ under one seq are both there. S1, S2 */
export function eventsOfFrames(texts: readonly string[]): Map<string, AgentEvent[]> {
  return eventsIn(texts.map(frameOf));
}

/**
 * What a user's sockets received that the logs of this user's runs do not hold: none when, of each run, it is a part of
 * the log, no socket went over events that none received, and the end is the log's end. One socket may begin behind the
 * place where another one ended: a cursor that was kept somewhere else says so.
 *
 * `logs` has every run of the user; a run that was deleted is there with `undefined`, and is not compared. `socketOf`
 * says on which socket a text came, by its place in `texts`.
 */
export function notInLog(
  texts: readonly string[],
  logs: ReadonlyMap<string, readonly AgentEvent[] | undefined>,
  socketOf: (place: number) => number = () => 1,
): readonly string[] {
  const frames = texts.map(frameOf);
  const spans = spansIn(frames, socketOf);
  const wrong = texts.filter((_text, index) => frames[index] === undefined);
  return [
    ...wrong.map((text) => `a frame is none of the protocol: ${shown(text)}`),
    ...strangersIn(frames, logs).map((run) => `run ${run} was told of, which is no run of this user`),
    ...[...eventsIn(frames)].flatMap(([run, received]) => {
      const log = logs.get(run);
      return log === undefined ? [] : [...notPartOf(run, received, log), ...holesIn(run, received, spans.get(run))];
    }),
    ...frames.flatMap((frame) => (frame?.t === 'end' ? notTheEnd(frame, logs.get(runOf(frame.s))) : [])),
  ];
}

/**
 * The frames that tell a user anything: all but the greeting, heartbeats, pongs and the notice of a restart (unless they
 * name a stream), and refusals of what the user asked for.
 */
export function tellingFrames(texts: readonly string[]): readonly string[] {
  return texts.filter((text) => tellsSomething(frameOf(text)));
}

function eventsIn(frames: readonly (ServerFrame | undefined)[]): Map<string, AgentEvent[]> {
  const runs = new Map<string, Map<string, AgentEvent>>();
  for (const frame of frames) {
    if (frame?.t !== 'ev') continue;
    const run = runOf(frame.s);
    const known = runs.get(run) ?? new Map<string, AgentEvent>();
    runs.set(run, known);
    for (const event of unpacked(frame)) known.set(canonicalEvent(event), event);
  }
  const entries = [...runs].map(([run, events]): [string, AgentEvent[]] => [
    run,
    [...events.values()].toSorted((left, right) => left.seq - right.seq),
  ]);
  return new Map(entries);
}

/** Runs that the frames speak of, and the user does not have. */
function strangersIn(
  frames: readonly (ServerFrame | undefined)[],
  logs: ReadonlyMap<string, unknown>,
): readonly string[] {
  const streams = new Set(frames.flatMap(streamsOf));
  return [...streams].filter((stream) => stream.startsWith(RUN_STREAM) && !logs.has(runOf(stream))).map(runOf);
}

/** The streams that a frame tells of. A refusal names what the user asked for, and tells nothing of it. */
function streamsOf(frame: ServerFrame | undefined): readonly string[] {
  switch (frame?.t) {
    case 'ev':
    case 'end':
    case 'gap':
      return [frame.s];
    case 'ready':
      return Object.keys(frame.streams);
    case 'hb':
      return Object.keys(frame.head);
    case 'res':
      return frame.ok ? [frame.at.s] : [];
    default:
      return [];
  }
}

function notPartOf(run: string, received: readonly AgentEvent[], log: readonly AgentEvent[]): readonly string[] {
  const wrong: string[] = [];
  for (const event of received) {
    const { seq, type } = event;
    const kept = log[seq - 1];
    if (kept === undefined)
      wrong.push(`event ${seq}, ${type}, of run ${run} was received, and its log has ${log.length}`);
    else if (canonicalEvent(kept) !== canonicalEvent(event))
      wrong.push(`event ${seq} of run ${run} was received as ${line(event)}, and its log has ${line(kept)}`);
  }
  return wrong;
}

/** Of one run on one socket: the numbers of its first and its last event. */
interface Span {
  first: number;
  last: number;
}

function spansIn(
  frames: readonly (ServerFrame | undefined)[],
  socketOf: (place: number) => number,
): ReadonlyMap<string, readonly Span[]> {
  const runs = new Map<string, Span[]>();
  for (const [place, frame] of frames.entries()) {
    if (frame?.t !== 'ev' || frame.ev.length === 0) continue;
    const last = frame.from + frame.ev.length - 1;
    const spans = runs.get(runOf(frame.s)) ?? [];
    runs.set(runOf(frame.s), spans);
    const span = (spans[socketOf(place)] ??= { first: frame.from, last });
    span.first = Math.min(span.first, frame.from);
    span.last = Math.max(span.last, last);
  }
  return runs;
}

function holesIn(run: string, received: readonly AgentEvent[], spans: readonly Span[] = []): readonly string[] {
  const wrong: string[] = [];
  let before: number | undefined;
  for (const { seq } of received) {
    const from = before;
    before = seq;
    if (from === undefined || seq <= from + 1) continue;
    // Not every socket is there: a run is mostly on one of them.
    if (!spans.some((span) => span.first <= from && seq <= span.last)) continue;
    wrong.push(`of run ${run} events ${from + 1} to ${seq - 1} were not received, and later ones were`);
  }
  return wrong;
}

function notTheEnd({ s, seq, n, crc, status }: EndFrame, log: readonly AgentEvent[] | undefined): readonly string[] {
  if (log === undefined) return [];
  const fold = foldOf(log);
  if (seq === fold.head && n === log.length && crc === crcText(fold.crc) && status === fold.status) return [];
  const said = `${status} at ${seq} of ${n} with CRC ${crc}`;
  return [`${s} was said to be ${said}, and its log is ${fold.status} at ${fold.head} with CRC ${crcText(fold.crc)}`];
}

/** The frame in a text; `undefined` for what is none. */
function frameOf(text: string): ServerFrame | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(parsed) || !isFrame(parsed)) return undefined;
  // A parse boundary: what is read of it was looked at, and the rest is compared with the log, not trusted.
  return parsed as unknown as ServerFrame;
}

function isFrame({ t, s, from, at, ev, streams, head, ok }: Record<string, unknown>): boolean {
  switch (t) {
    case 'ev':
      return typeof s === 'string' && typeof from === 'number' && typeof at === 'number' && areTuples(ev);
    case 'end':
    case 'gap':
      return typeof s === 'string';
    case 'ready':
      return isRecord(streams);
    case 'hb':
      return isRecord(head);
    case 'res':
      return ok === false || (isRecord(at) && typeof at['s'] === 'string');
    default:
      return typeof t === 'string';
  }
}

function areTuples(ev: unknown): boolean {
  return Array.isArray(ev) && ev.every((tuple) => Array.isArray(tuple));
}

function tellsSomething(frame: ServerFrame | undefined): boolean {
  switch (frame?.t) {
    case 'ready':
    case 'hb':
      return streamsOf(frame).length > 0;
    case 'pong':
    case 'drain':
    case 'err':
      return false;
    case 'res':
      return frame.ok;
    default:
      return true;
  }
}

function unpacked({ from, at, ev }: EventFrame): readonly AgentEvent[] {
  return ev.map((tuple, index) => unpackEvent(tuple, from + index, at));
}

function runOf(stream: string): string {
  return stream.startsWith(RUN_STREAM) ? stream.slice(RUN_STREAM.length) : stream;
}

function line(event: AgentEvent): string {
  return shown(canonicalEvent(event).trimEnd());
}

const SHOWN_LENGTH = 200;

function shown(text: string): string {
  return text.length <= SHOWN_LENGTH ? text : `${text.slice(0, SHOWN_LENGTH)}…`;
}
