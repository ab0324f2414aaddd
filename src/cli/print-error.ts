import { inspect } from 'node:util';

import { asEnginehouseError, isEnginehouseError, type ErrorJson } from '../base/errors.ts';
import { note, plain } from './output.ts';

/** Prints what failed, for a person: the code, the sentence and the cure. */
export function printError(thrown: unknown): void {
  if (thrown instanceof AggregateError) {
    for (const error of thrown.errors) printError(error);
    return;
  }
  const error = asEnginehouseError(thrown, 'INTERNAL');
  printErrorJson(error.toJSON());
  // A fault of the house, or one below it: whoever looks for it needs the place.
  if (!isEnginehouseError(thrown)) note(inspect(thrown));
}

export function printErrorJson({ code, message, cure }: ErrorJson): void {
  note(`error ${code}: ${plain(message)}`);
  note(`cure: ${plain(cure)}`);
}
