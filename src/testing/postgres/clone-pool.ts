/**
 * Copies of one template, made ahead of the tests that take them.
 *
 *   P1. Nothing is made before the first is taken; then as many are made ahead as
 *       were taken, up to `MOST_AHEAD`: a process of one test makes few for nobody.
 *   P2. One copy is made at a time in a process, and one dropped, in the background.
 *   P3. When it is closed everything that it made is dropped, save what was kept.
 */

import { escapeIdentifier } from 'pg';

import type { AdminSession } from './admin-session.ts';
import type { Template } from './template.ts';

const MOST_AHEAD = 3;

export interface ClonePoolDeps {
  readonly maker: AdminSession;
  /** Another session, so that what is used up does not stand before what a test waits for. */
  readonly dropper: AdminSession;
  /** A name that no database has. */
  readonly name: (template: string) => string;
}

export class ClonePool {
  readonly #template: Template;
  readonly #deps: ClonePoolDeps;
  readonly #ahead: Promise<string>[] = [];
  readonly #dropping = new Set<Promise<void>>();
  readonly #failures: unknown[] = [];
  #taken = 0;

  constructor(template: Template, deps: ClonePoolDeps) {
    this.#template = template;
    this.#deps = deps;
  }

  /** A database that nobody has used; its taker calls `drop`, or keeps it. @throws what `pg` throws */
  take(): Promise<string> {
    const clone = this.#ahead.shift() ?? this.#make();
    this.#taken += 1;
    while (this.#ahead.length < Math.min(this.#taken, MOST_AHEAD)) this.#ahead.push(this.#make());
    return clone;
  }

  /** Drops a database in the background, whoever is still connected to it. */
  drop(name: string): void {
    const dropping = this.#drop(name)
      .catch((error: unknown) => void this.#failures.push(error))
      .finally(() => this.#dropping.delete(dropping));
    this.#dropping.add(dropping);
  }

  /** Drops what nobody took, and waits for all that is being dropped. @throws what could not be dropped */
  async close(): Promise<void> {
    const unused = await Promise.allSettled(this.#ahead.splice(0));
    for (const one of unused) if (one.status === 'fulfilled') this.drop(one.value);
    await Promise.all(this.#dropping);
    const failures = this.#failures.splice(0);
    if (failures.length > 0) throw new AggregateError(failures, 'test databases could not be dropped');
  }

  #make(): Promise<string> {
    const made = this.#copy(this.#deps.name(this.#template.name));
    // Told to whoever takes it.
    made.catch(() => undefined);
    return made;
  }

  async #copy(name: string): Promise<string> {
    await this.#deps.maker.alone(async (ask) => {
      for (const statement of this.#template.copyAs(name)) await ask(statement);
    });
    return name;
  }

  async #drop(name: string): Promise<void> {
    await this.#deps.dropper.ask(`DROP DATABASE IF EXISTS ${escapeIdentifier(name)} WITH (FORCE)`);
  }
}
