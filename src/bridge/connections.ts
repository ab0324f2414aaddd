import { ownerKey, type Owner } from '../context/ids.ts';
import type { SocketSession } from './socket-session.ts';

/** The connections of one user, and what their limit counts. */
export interface UserConnections {
  readonly sessions: Set<SocketSession>;
  subscriptions: number;
}

/** Every open connection, by user. */
export class Connections {
  readonly #users = new Map<string, UserConnections>();

  get size(): number {
    return this.#sum(({ sessions }) => sessions.size);
  }

  get subscriptions(): number {
    return this.#sum(({ subscriptions }) => subscriptions);
  }

  all(): SocketSession[] {
    return [...this.#users.values()].flatMap(({ sessions }) => [...sessions]);
  }

  allOf(owner: Owner): SocketSession[] {
    return [...(this.#users.get(ownerKey(owner))?.sessions ?? [])];
  }

  /** What is counted for a user. It is kept while a connection is. */
  of(owner: Owner): UserConnections {
    const key = ownerKey(owner);
    const user = this.#users.get(key) ?? { sessions: new Set(), subscriptions: 0 };
    this.#users.set(key, user);
    return user;
  }

  remove(session: SocketSession): void {
    const user = this.of(session.principal);
    user.sessions.delete(session);
    if (user.sessions.size === 0) this.#users.delete(ownerKey(session.principal));
  }

  #sum(count: (user: UserConnections) => number): number {
    let sum = 0;
    for (const user of this.#users.values()) sum += count(user);
    return sum;
  }
}
