/**
 * Finds the columns of a ledger by their common names. Case and punctuation do
 * not count: `ContextTokens`, `context_tokens` and `Context Tokens` are one.
 * In JSON a name may stand inside `usage`, `response` or `body`.
 */

/** The things that a ledger says of a request. */
export const ROLES = ['time', 'inputTokens', 'outputTokens', 'model'] as const;

export type Role = (typeof ROLES)[number];

/** Normalised names, the most telling first. */
const NAMES: { readonly [R in Role]: readonly string[] } = {
  time: [
    'timestamp',
    'time',
    'datetime',
    'createdat',
    'created',
    'requesttime',
    'starttime',
    'startedat',
    'ts',
    'date',
  ],
  inputTokens: ['inputtokens', 'prompttokens', 'contexttokens', 'inputtokencount', 'prompttokencount', 'tokensin'],
  outputTokens: [
    'outputtokens',
    'completiontokens',
    'generatedtokens',
    'outputtokencount',
    'candidatestokencount',
    'tokensout',
  ],
  model: ['model', 'modelname', 'modelid'],
};

const PARENTS = new Set(['usage', 'usagemetadata', 'response', 'body']);

/** A longer name is not one of a column. */
const MAX_NAME_CHARACTERS = 100;

/** A column per role: its place among the names that were given. */
export type FoundColumns = { readonly [R in Role]: number | undefined };

/** Finds each role among `names`; a dot separates a name from the object that it stands in. */
export function findColumns(names: readonly string[]): FoundColumns {
  const known = names.map(normalised);
  const find = (role: Role): number | undefined => {
    for (const name of NAMES[role]) {
      const at = known.indexOf(name);
      if (at >= 0) return at;
    }
    return undefined;
  };
  return {
    time: find('time'),
    inputTokens: find('inputTokens'),
    outputTokens: find('outputTokens'),
    model: find('model'),
  };
}

/** The roles without which a row cannot be counted and that were not found, in words. */
export function missingRoles(found: FoundColumns): readonly string[] {
  const missing: string[] = [];
  if (found.time === undefined) missing.push('time');
  if (found.inputTokens === undefined) missing.push('input tokens');
  if (found.outputTokens === undefined) missing.push('output tokens');
  return missing;
}

function normalised(name: string): string {
  if (name.length > MAX_NAME_CHARACTERS) return '';
  const parts = name.split('.').map((part) => part.toLowerCase().replaceAll(/[^a-z0-9]/g, ''));
  const own = parts.pop() ?? '';
  return parts.every((parent) => PARENTS.has(parent)) ? own : '';
}
