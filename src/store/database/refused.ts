import type { Failure } from './worker-protocol.ts';

/** Carries a failure that has its own code from where it is found to the worker's answer. */
export class Refused extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.code);
    this.failure = failure;
  }
}
