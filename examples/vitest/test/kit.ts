import { test as base } from 'enginehouse/testing/vitest';

import type { Models } from '../src/agents.ts';
import { application } from '../src/application.ts';

/** Gives agents the models of their test, which are made after the agents. */
class LateModels implements Models {
  models: Models | undefined;

  languageModel(name: 'librarian'): ReturnType<Models['languageModel']> {
    if (this.models === undefined) throw new Error('a test whose agents ask models must name the fixture `models`');
    return this.models.languageModel(name);
  }
}

/** For tests that script models: the application on them. Other tests take the kit as it is. */
export const test = base
  .extend('late', () => new LateModels())
  .extend('runtimeOptions', ({ late }) => ({ config: application(late) }))
  .extend('models', ({ late, models }) => (late.models = models));

export { expect } from 'enginehouse/testing/vitest';
