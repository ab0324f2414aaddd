import type { StandardSchemaV1 } from '@standard-schema/spec';

import { EnginehouseError } from './errors.ts';

/**
 * Checks a value against any Standard Schema and gives its output.
 *
 * @throws `INPUT_INVALID` with one line per issue, `what` naming whose input it is.
 */
export async function validate(what: string, schema: StandardSchemaV1 | undefined, value: unknown): Promise<unknown> {
  if (schema === undefined) return value;
  const answer = await schema['~standard'].validate(value);
  if (answer.issues === undefined) return answer.value;
  const issues = answer.issues.slice(0, 20).map(({ path = [], message }) => {
    const place = path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
    return place === '' ? message : `${place}: ${message}`;
  });
  throw new EnginehouseError('INPUT_INVALID', `the input of ${what} does not match its schema: ${issues.join('; ')}`, {
    what,
    issues,
  });
}
