import { EnginehouseError } from '../base/errors.ts';
import { systemClock, type Clock } from '../base/clock.ts';
import { withDeadline } from '../base/deadline.ts';
import { connect, type EnginehouseClient } from '../client/index.ts';
import { userId, type TenantId, type UserId } from '../context/ids.ts';
import { UserExecutionContext, type ContextRequest } from '../context/user-execution-context.ts';
import type { Activity } from './activity.ts';
import { newMark } from './audit/marks.ts';
import { UserSockets } from './sockets/user-sockets.ts';

/** Where a user lives: the runtime that takes the user's tokens. */
export interface UserHome {
  readonly url: string;
  token(user: UserId, options: TokenOptions): Promise<string>;
  /** Of a runtime in this process: its time, and what is under way in it. */
  readonly watch?: { readonly clock: Clock; readonly activity: Activity } | undefined;
}

export interface TokenOptions {
  /** @default the user's own */
  readonly tenantId?: string | undefined;
  /** @default ['user'] */
  readonly roles?: readonly string[];
  /** @default an hour */
  readonly expiresInMs?: number;
}

/**
 * A person in a test: a fresh id, a real token, and a real connection when it is
 * asked for. Two users of one name are two people.
 *
 * The id, and what is made of it (contexts, threads, runs), holds the user's
 * mark. Put more of them into what the user writes, with `marked()`: a mark that
 * turns up in the data of somebody else fails the test.
 */
export class TestUser implements AsyncDisposable {
  readonly id: UserId;
  /** 128 bits that nobody else has, as 32 hexadecimal digits. */
  readonly mark: string = newMark();
  readonly #tenant: TenantId | undefined;
  readonly #home: () => Promise<UserHome>;
  readonly #clients = new Set<EnginehouseClient>();
  readonly #searched: Promise<string>[] = [];
  readonly #sockets: UserSockets;
  #clock: Clock = systemClock;
  #joined: Promise<UserHome> | undefined;
  #livesIn: UserHome | undefined;
  #leave: () => void = () => undefined;
  #client: Promise<EnginehouseClient> | undefined;
  #contexts = 0;
  #over = false;

  /** `home` gives the runtime that the user lives in. @internal */
  constructor(name: string, home: () => Promise<UserHome>, tenant?: TenantId) {
    this.id = userId(`${name}-${this.mark}`);
    this.#home = home;
    this.#tenant = tenant;
    const clock: Clock = { now: () => this.#clock.now(), after: (ms, fire) => this.#clock.after(ms, fire) };
    this.#sockets = new UserSockets({ name: this.id, clock });
  }

  /** What the user's sockets received: text frames, in their order, at most 50,000. */
  get received(): readonly string[] {
    return this.#sockets.received.map(({ text }) => text);
  }

  /** Where the user lives, once a connection or a token was asked for. @internal */
  get home(): UserHome | undefined {
    return this.#livesIn;
  }

  /** The user's connections and what can happen to them. @internal */
  get sockets(): UserSockets {
    return this.#sockets;
  }

  /** `text` with this user's mark. */
  marked(text: string): string {
    return `${text} ${this.mark}`;
  }

  /** A context of this user; thread and run get fresh ids unless they are given. */
  context(request: Partial<Omit<ContextRequest, 'userId'>> = {}): UserExecutionContext {
    this.#contexts += 1;
    const nth = `${this.id}-${this.#contexts}`;
    return UserExecutionContext.fromRequest({
      threadId: `thread-${nth}`,
      runId: `run-${nth}`,
      tenantId: this.#tenant,
      ...request,
      userId: this.id,
    });
  }

  /** A signed token that the runtime's doors accept. */
  async token(options: TokenOptions = {}): Promise<string> {
    const home = await this.#join();
    const signing = home.token(this.id, { tenantId: this.#tenant, ...options });
    // It is done by a thread, whose work nobody else sees.
    return home.watch?.activity.track('signing in', signing) ?? signing;
  }

  /** The address of the user's runtime. */
  async url(): Promise<string> {
    return (await this.#join()).url;
  }

  /** This user's connection over a real socket, made when first asked for. */
  client(): Promise<EnginehouseClient> {
    return (this.#client ??= this.connect());
  }

  /** One more connection: a second tab. It is closed with the user. @throws `TEST_KIT_MISUSED` after the test */
  async connect(): Promise<EnginehouseClient> {
    if (this.#over)
      throw new EnginehouseError('TEST_KIT_MISUSED', `user ${this.id} is used after its test`, { part: 'user' });
    const client = connect({
      url: await this.url(),
      token: () => this.token(),
      webSocket: this.#sockets.openWebSocket,
      fetch: this.#fetch,
      clock: this.#clock,
    });
    this.#clients.add(client);
    return client;
  }

  /** The user's connection once it is open. @throws `DEADLINE` after 5 s, and what ended the connection */
  async connected(): Promise<EnginehouseClient> {
    const client = await this.client();
    if (client.state === 'open') return client;
    const opened = Promise.withResolvers<void>();
    const stop = client.onState((state) => {
      if (state === 'open') opened.resolve();
      if (state === 'closed')
        opened.reject(new EnginehouseError('CLOSED', `the connection of ${this.id} was closed`, { what: 'client' }));
    });
    try {
      await withDeadline(`connecting ${this.id}`, OPEN_MS, systemClock, opened.promise);
      return client;
    } finally {
      stop();
    }
  }

  /** A request to the runtime's HTTP door as this user. `path` starts with a slash. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('Authorization', `Bearer ${await this.token()}`);
    return this.#fetch(`${await this.url()}${path}`, { ...init, headers });
  }

  /** Resolves when nothing is under way in the user's runtime. @throws `DEADLINE` naming what is */
  async settled(): Promise<void> {
    await (await this.#joined)?.watch?.activity.idle();
  }

  /** The answers that were texts, as far as they have come. @internal */
  answers(): Promise<readonly string[]> {
    return Promise.all(this.#searched);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    await Promise.all([...this.#clients].map((client) => client.close()));
    await this.#sockets.close();
    this.#leave();
  }

  /** Every request of this user, the client's too. */
  readonly #fetch: typeof fetch = async (input, init) => {
    const response = await this.#sockets.fetch(input, init);
    if (isText(response)) this.#search(response.clone());
    return response;
  };

  #join(): Promise<UserHome> {
    return (this.#joined ??= this.#joinHome());
  }

  async #joinHome(): Promise<UserHome> {
    const home = (this.#livesIn = await this.#home());
    if (home.watch !== undefined) {
      this.#clock = home.watch.clock;
      this.#leave = home.watch.activity.add(this.#sockets);
    }
    return home;
  }

  /** The audit's own copy; who reads the answer does not notice. */
  #search(copy: Response): void {
    if (this.#searched.length < ANSWERS_KEPT) this.#searched.push(copy.text().catch(() => ''));
  }
}

const OPEN_MS = 5_000;
/** Answers that are searched for other users' marks. */
const ANSWERS_KEPT = 1_000;

/** Not a stream of events, which may have no end. */
function isText({ headers }: Response): boolean {
  const type = headers.get('content-type') ?? '';
  return /^(?:application\/json|text\/(?!event-stream))/.test(type);
}
