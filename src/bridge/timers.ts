import type { Clock, Disarm } from '../base/clock.ts';
import type { ResourceRegistry } from '../base/resource-registry.ts';

/** The timers of one owner, by name. Arming one again replaces it; disposing clears them all, and none fires after. */
export class Timers<Name extends string> implements Disposable {
  readonly #clock: Clock;
  readonly #resources: ResourceRegistry;
  readonly #owner: string;
  /** An object, not a map: there is one for every connection, and most hold one timer. */
  readonly #armed: { [Timer in Name]?: Disarm | undefined } = {};
  #disposed = false;

  constructor(clock: Clock, resources: ResourceRegistry, owner: string) {
    this.#clock = clock;
    this.#resources = resources;
    this.#owner = owner;
  }

  has(name: Name): boolean {
    return this.#armed[name] !== undefined;
  }

  arm(name: Name, ms: number, fire: () => void): void {
    this.clear(name);
    if (this.#disposed) return;
    const given = this.#resources.opened('timer', name, this.#owner);
    const disarm = this.#clock.after(Math.max(0, ms), () => {
      this.clear(name);
      fire();
    });
    this.#armed[name] = () => {
      disarm();
      given();
    };
  }

  clear(name: Name): void {
    this.#armed[name]?.();
    this.#armed[name] = undefined;
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    for (const name of Object.keys(this.#armed) as Name[]) this.clear(name);
  }
}
