import type { Models } from '../../../src/testing/index.ts';

/** Gives agents the models of their test, which are made after the agents. */
export class LateModels {
  models: Models | undefined;

  languageModel(name: string): ReturnType<Models['languageModel']> {
    if (this.models === undefined) throw new Error('a test whose agents ask models must name the fixture `models`');
    return this.models.languageModel(name);
  }
}
