import type { Clock, Disarm } from '../base/clock.ts';
import type { ResourceRegistry } from '../base/resource-registry.ts';

/** The timers of one owner, by name. Arming one again replaces it; disposing clears them all, and none fires after. */
export class Timers<Name extends string> implements Disposable {
  readonly #clock: Clock;
  readonly #resources: ResourceRegistry;
  readonly #owner: string;
  readonly #armed = new Map<Name, Disarm>();
  #disposed = false;

  constructor(clock: Clock, resources: ResourceRegistry, owner: string) {
    this.#clock = clock;
    this.#resources = resources;
    this.#owner = owner;
  }

  has(name: Name): boolean {
    return this.#armed.has(name);
  }

  arm(name: Name, ms: number, fire: () => void): void {
    this.clear(name);
    if (this.#disposed) return;
    const given = this.#resources.opened('timer', name, this.#owner);
    const disarm = this.#clock.after(Math.max(0, ms), () => {
      this.clear(name);
      fire();
    });
    this.#armed.set(name, () => {
      disarm();
      given();
    });
  }

  clear(name: Name): void {
    this.#armed.get(name)?.();
    this.#armed.delete(name);
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    for (const disarm of this.#armed.values()) disarm();
    this.#armed.clear();
  }
}
