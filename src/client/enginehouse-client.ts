/**
 * A user's connection to an Enginehouse server, in Node and in browsers.
 *
 *   C1. An application never sees a drop: streams go on where they were, and a
 *       command is carried out once, however many sockets it takes.
 *   C2. What it shows is the log, and it can prove it; see `followed-run.ts`.
 *   C3. When there is no way back, everything that waits ends with the error
 *       that says why. Nothing waits for ever.
 */

import type { Json } from '../base/canonical-json.ts';
import { EnginehouseError, reviveError } from '../base/errors.ts';
import { SUBPROTOCOL, type Position, type ServerFrame, type SubscribeFrom } from '../context/wire.ts';
import { asOpening } from './as-opening.ts';
import { ClientRun } from './client-run.ts';
import { Commands, type CommandFrame } from './commands.ts';
import { Connection, type ClientState } from './connection.ts';
import { FollowedRun, type RunCursor, type RunLink, type RunReset } from './followed-run.ts';
import {
  HttpCalls,
  type ListedAgent,
  type KeptArtifact,
  type EventPage,
  type RunDetails,
  type RunPage,
  type RunQuery,
  type UploadOptions,
} from './http-calls.ts';
import { resolveOptions, type ClientOptions, type ResolvedClientOptions } from './options.ts';

export interface StartOptions {
  /** Chosen here so that a repeated start attaches to the same run. @default a random id */
  readonly runId?: string | undefined;
  /** @default the run's id */
  readonly threadId?: string | undefined;
}

export interface FollowOptions {
  /** From the first event, or from after a cursor that was kept. @default 'start' */
  readonly from?: 'start' | RunCursor | undefined;
}

const HELLO_SUBSCRIPTIONS = 50;

export class EnginehouseClient implements AsyncDisposable {
  readonly #options: ResolvedClientOptions;
  readonly #connection: Connection;
  readonly #commands: Commands;
  readonly #http: HttpCalls;
  readonly #runs = new Map<string, FollowedRun>();
  readonly #holders = new Map<FollowedRun, number>();
  readonly #stateListeners = new Set<(state: ClientState) => void>();
  readonly #resetListeners = new Set<(reset: RunReset) => void>();
  /** Runs that the hello had no room for. */
  #late: FollowedRun[] = [];
  #over: EnginehouseError | undefined;

  /** Use `connect()`. @internal */
  constructor(options: ClientOptions) {
    this.#options = resolveOptions(options);
    const { clock, ids, attempts, addresses, headers, renews, webSocket } = this.#options;
    this.#http = new HttpCalls({ base: addresses.http, fetch: this.#options.fetch, headers, clock });
    this.#connection = new Connection({
      clock,
      ids,
      attempts,
      renews,
      headers,
      open: (signedIn) => webSocket(addresses.socket, [SUBPROTOCOL], signedIn),
      refusal: () => this.#http.refusal(),
      subscriptions: () => this.#subscriptions(),
      ready: (frame) => this.#ready(frame),
      received: (frame, bytes) => this.#received(frame, bytes),
      moved: (state) => this.#moved(state),
      over: (error) => this.#ended(error ?? closed()),
    });
    this.#commands = new Commands((text) => this.#connection.sayText(text));
    asOpening(() => this.#connection.start());
  }

  get state(): ClientState {
    return this.#connection.state;
  }

  /** Tells every change of `state`. Call what it returns to listen no more. */
  onState(listener: (state: ClientState) => void): () => void {
    this.#stateListeners.add(listener);
    return () => void this.#stateListeners.delete(listener);
  }

  /** Tells that what was shown of a run must be dropped: it is not the log, and is read again from its start. */
  onReset(listener: (reset: RunReset) => void): () => void {
    this.#resetListeners.add(listener);
    return () => void this.#resetListeners.delete(listener);
  }

  /**
   * Starts a run and follows it from its first event. What the server refuses
   * comes out of the run: its iteration and its result.
   *
   * @example
   * const run = client.start('analyst', { ledger: 'usage.csv' });
   * for await (const event of run) console.log(event.type);
   * const { status } = await run.result;
   */
  start(agent: string, input: Json, options: StartOptions = {}): ClientRun {
    const { ids } = this.#options;
    const { runId = ids.next(), threadId } = options;
    const run = this.#known(runId, undefined);
    const frame: CommandFrame = { t: 'cmd', id: ids.next(), op: 'run.start', a: { agent, input, runId, threadId } };
    const begun = this.#command(frame).then(() => run.follow());
    const held = this.#hold(run, undefined, begun);
    begun.catch(() => held.leave());
    return held;
  }

  /** Follows a run of this user. An unknown or foreign id comes out of the run as `NOT_FOUND`. */
  run(runId: string, { from = 'start' }: FollowOptions = {}): ClientRun {
    const cursor = from === 'start' ? undefined : from;
    const run = this.#known(runId, cursor);
    run.follow();
    return this.#hold(run, cursor, Promise.resolve());
  }

  /** The agents that this server runs. */
  agents(): Promise<readonly ListedAgent[]> {
    return this.#http.agents();
  }

  /** A page of this user's runs, newest first. */
  runs(query: RunQuery = {}): Promise<RunPage> {
    return this.#http.runs(query);
  }

  /** @throws `NOT_FOUND` for an unknown or foreign one. */
  getRun(runId: string): Promise<RunDetails> {
    return this.#http.run(runId);
  }

  /** A page of a run's log: events with `seq > after`. @throws `NOT_FOUND` */
  events(runId: string, after = 0): Promise<EventPage> {
    return this.#http.events(runId, after);
  }

  /** Uploads a file. @throws `TOO_LARGE`, `REQUEST_INVALID` */
  uploadArtifact(content: Parameters<HttpCalls['upload']>[0], options: UploadOptions): Promise<KeptArtifact> {
    return this.#http.upload(content, options);
  }

  /** A file's content and headers, as fetch gives them. @throws `NOT_FOUND` */
  artifact(artifactId: string): Promise<Response> {
    return this.#http.artifact(artifactId);
  }

  /** Closes the connection. Runs go on; what waits here ends with `CLOSED`. Idempotent, a second at most. */
  async close(): Promise<void> {
    await this.#connection.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #known(runId: string, from: RunCursor | undefined): FollowedRun {
    const known = this.#runs.get(runId);
    if (known !== undefined) return known;
    const run = new FollowedRun(runId, from, this.#link);
    if (this.#over === undefined) this.#runs.set(runId, run);
    else run.fail(this.#over);
    return run;
  }

  #hold(run: FollowedRun, from: RunCursor | undefined, begun: Promise<unknown>): ClientRun {
    this.#holders.set(run, (this.#holders.get(run) ?? 0) + 1);
    let held = true;
    return new ClientRun(run, {
      view: run.view(from),
      begun,
      cancel: (reason) => {
        const id = this.#options.ids.next();
        return this.#command({ t: 'cmd', id, op: 'run.cancel', a: { runId: run.id, reason } });
      },
      leave: () => {
        if (held) this.#release(run);
        held = false;
      },
    });
  }

  #release(run: FollowedRun): void {
    const left = (this.#holders.get(run) ?? 1) - 1;
    if (left > 0) this.#holders.set(run, left);
    else run.leave();
  }

  readonly #link: RunLink = {
    subscribe: (run, from) => this.#subscribe(run, from),
    unsubscribe: ({ stream }) => this.#connection.say({ t: 'unsub', s: stream }),
    over: (run) => {
      if (this.#runs.get(run.id) === run) this.#runs.delete(run.id);
      this.#holders.delete(run);
    },
    applied: (stream, seq, bytes) => this.#connection.applied(stream, seq, bytes),
    reset: (reset) => tell(this.#resetListeners, reset),
  };

  #subscribe(run: FollowedRun, from: SubscribeFrom): void {
    if (this.#over !== undefined) throw this.#over;
    const known = this.#runs.get(run.id);
    if (known !== undefined && known !== run) {
      throw new EnginehouseError('CLOSED', `run ${run.id} is followed anew, iterate that one`, { what: 'run' });
    }
    this.#runs.set(run.id, run);
    this.#connection.say({ t: 'sub', s: run.stream, from });
  }

  /** What a new socket subscribes to at once; the rest follows, so that a hello stays small. */
  #subscriptions(): { s: string; from: SubscribeFrom }[] {
    const wanted = [...this.#runs.values()].filter((run) => run.wanted);
    this.#late = wanted.slice(HELLO_SUBSCRIPTIONS);
    return wanted.slice(0, HELLO_SUBSCRIPTIONS).map(({ stream, place }) => ({ s: stream, from: place }));
  }

  #ready({ maxFrame }: Extract<ServerFrame, { t: 'ready' }>): void {
    for (const run of this.#late.splice(0)) if (run.wanted) this.#subscribe(run, run.place);
    this.#commands.resume(maxFrame);
  }

  async #command(frame: CommandFrame): Promise<Position> {
    if (this.#over !== undefined) throw this.#over;
    return this.#commands.run(frame);
  }

  #received(frame: ServerFrame, bytes: number): void {
    switch (frame.t) {
      case 'ev':
        return this.#of(frame.s)?.received(frame, bytes);
      case 'end':
        return this.#of(frame.s)?.ended(frame);
      case 'gap':
        return this.#of(frame.s)?.gap(frame);
      case 'res':
        return this.#commands.answered(frame);
      case 'err':
        return this.#refused(frame);
      default:
      // Heartbeats, pongs, and what a newer server says.
    }
  }

  #refused({ s, err }: Extract<ServerFrame, { t: 'err' }>): void {
    if (s === undefined) return;
    const error = reviveError(err);
    // The server's own trouble: it is asked again, with the pauses of a new connection.
    if (error.status >= 500) this.#connection.drop();
    else this.#of(s)?.fail(error);
  }

  #of(stream: string): FollowedRun | undefined {
    return this.#runs.get(stream.slice('run:'.length));
  }

  #moved(state: ClientState): void {
    if (state !== 'open') this.#commands.pause();
    tell(this.#stateListeners, state);
  }

  /** C3 */
  #ended(error: EnginehouseError): void {
    this.#over = error;
    this.#commands.fail(error);
    for (const run of this.#runs.values()) run.fail(error);
  }
}

/** In a job of its own: what a listener throws is the application's, and no frame is lost by it. */
function tell<T>(listeners: Iterable<(value: T) => void>, value: T): void {
  for (const listener of listeners) queueMicrotask(() => listener(value));
}

function closed(): EnginehouseError {
  return new EnginehouseError('CLOSED', 'the client is closed', { what: 'client' });
}
