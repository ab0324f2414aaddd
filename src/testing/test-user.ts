import { WebSocket } from 'ws';

import { connect, type EnginehouseClient, type WebSocketLike } from '../client/index.ts';
import { EnginehouseError } from '../base/errors.ts';
import { userId, type TenantId, type UserId } from '../context/ids.ts';
import { UserExecutionContext, type ContextRequest } from '../context/user-execution-context.ts';

/** Where a user lives: the runtime that takes the user's tokens. */
export interface UserHome {
  readonly url: string;
  token(user: UserId, options: TokenOptions): Promise<string>;
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
 */
export class TestUser implements AsyncDisposable {
  readonly id: UserId;
  readonly #tenant: TenantId | undefined;
  readonly #home: () => Promise<UserHome>;
  readonly #clients = new Set<EnginehouseClient>();
  #client: Promise<EnginehouseClient> | undefined;
  #contexts = 0;
  #over = false;

  /** `home` gives the runtime that the user lives in. @internal */
  constructor(name: string, home: () => Promise<UserHome>, tenant?: TenantId) {
    this.id = userId(`${name}-${crypto.randomUUID().slice(0, 8)}`);
    this.#home = home;
    this.#tenant = tenant;
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
    return (await this.#home()).token(this.id, { tenantId: this.#tenant, ...options });
  }

  /** The address of the user's runtime. */
  async url(): Promise<string> {
    return (await this.#home()).url;
  }

  /** This user's connection over a real socket, made when first asked for. */
  client(): Promise<EnginehouseClient> {
    return (this.#client ??= this.connect());
  }

  /** One more connection: a second tab. It is closed with the user. @throws `TEST_KIT_MISUSED` after the test */
  async connect(): Promise<EnginehouseClient> {
    if (this.#over)
      throw new EnginehouseError('TEST_KIT_MISUSED', `user ${this.id} is used after its test`, { part: 'user' });
    const client = connect({ url: await this.url(), token: () => this.token(), webSocket: openSocket });
    this.#clients.add(client);
    return client;
  }

  /** A request to the runtime's HTTP door as this user. `path` starts with a slash. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('Authorization', `Bearer ${await this.token()}`);
    return fetch(`${await this.url()}${path}`, { ...init, headers });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    await Promise.all([...this.#clients].map((client) => client.close()));
  }
}

function openSocket(
  url: string,
  protocols: readonly string[],
  headers: Readonly<Record<string, string>>,
): WebSocketLike {
  return new WebSocket(url, [...protocols], { headers, perMessageDeflate: false });
}
