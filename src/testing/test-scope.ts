/**
 * The async scope of a whole test: of its hooks, its body, and all that they
 * call. A runner calls them one beside the other, and what one of them enters is
 * not the next one's scope. So this one stands around them all, and is filled
 * once the test has a factory.
 */

import { asyncScope, type AsyncScope } from '../base/async-scope.ts';

type CurrentFactory = () => object | undefined;

class TestScope implements AsyncScope {
  #current: CurrentFactory | undefined;

  get factory(): object | undefined {
    return this.#current?.();
  }

  /** Once: a second home in one test has a scope of its own. */
  fill(current: CurrentFactory): boolean {
    if (this.#current !== undefined) return false;
    this.#current = current;
    return true;
  }
}

/** Runs a test with its hooks in a scope of their own. */
export function inTestScope<T>(run: () => T): T {
  return asyncScope.run(new TestScope(), run);
}

/** Fills the scope of the test that calls it; where no runner gave it one, enters one for the rest of its caller. */
export function enterTestScope(current: CurrentFactory): void {
  const around = asyncScope.getStore();
  if (around instanceof TestScope && around.fill(current)) return;
  asyncScope.enterWith({
    get factory() {
      return current();
    },
  });
}
