import { readFileSync } from 'node:fs';
import { FACTS, type ErrorCode, type Retry } from '../src/base/error-table.ts';

const SOURCE = new URL('../src/base/error-table.ts', import.meta.url);

const RETRY: { readonly [R in Retry]: string } = {
  no: 'does not help',
  now: 'can help at once',
  after: 'can help after a wait; `retryAfterMs` says how long when it is known',
};

const HEAD = `# Errors

Every failure that crosses a door is an \`EnginehouseError\` with one of these codes. On HTTP, on sockets and inside
\`agent_failed\` it has one form: \`{ code, message, details, cure, retry, retryAfterMs?, ref }\`, where \`ref\` finds
the failure in the server's log. In code, \`isEnginehouseError(error, 'TOOL_TIMEOUT')\` tells one and gives its details a type.

Made from \`src/base/error-table.ts\` by \`npm run generate\`.
`;

/** docs/errors.md: what each code means, its HTTP status, its details and its cure. */
export function errorPage(): string {
  const said = commentsOf(readFileSync(SOURCE, 'utf8'));
  const codes = Object.keys(FACTS) as ErrorCode[];
  return [HEAD, ...codes.map((code) => section(code, said.get(code)))].join('\n');
}

interface Said {
  readonly meaning: string;
  readonly details: string;
}

function section(code: ErrorCode, said: Said | undefined): string {
  if (said === undefined) throw new Error(`${code} has no doc comment of one line in error-table.ts`);
  const { status, retry, cure } = FACTS[code];
  return `## ${code}

${said.meaning}

- HTTP status ${status}; trying again ${RETRY[retry]}
- details: ${said.details === 'Record<string, never>' ? 'none' : `\`${said.details.replaceAll('readonly ', '')}\``}
- cure: ${cure}
`;
}

/** Reads "a doc comment, then CODE: details;" off the source: types and comments are gone at run time. */
function commentsOf(source: string): Map<string, Said> {
  const lines = source.matchAll(
    /\/\*\* (?<meaning>.+) \*\/\n {2}(?<code>[A-Z_]+): (?<details>[^]+?);\n(?=\n| {2}\/\*\*|\})/g,
  );
  const said = new Map<string, Said>();
  for (const { groups } of lines) {
    const { code = '', meaning = '', details = '' } = groups ?? {};
    said.set(code, { meaning, details: onOneLine(details) });
  }
  return said;
}

/** A type of several lines, without what is said of its parts. */
function onOneLine(details: string): string {
  return details
    .replaceAll(/\/\*\*.*\*\//g, '')
    .replaceAll(/\s+/g, ' ')
    .replaceAll('; }', ' }');
}
