import { LIMITS, type LimitName } from '../src/context/limits.ts';

const HEAD = `# Limits

Every limit is finite by default, is enforced, and is set in \`enginehouse.config.ts\` as a whole number:
\`defineConfig({ limits: { runsPerUser: 8 } })\`. Those marked as fixed are part of the protocol or the data and cannot be set.

Made from \`src/context/limits.ts\` by \`npm run generate\`.

| limit | default | least | what it bounds |
| --- | ---: | ---: | --- |
`;

/** docs/limits.md: every limit with its default, its least value and what it bounds. */
export function limitPage(): string {
  const names = Object.keys(LIMITS) as LimitName[];
  return HEAD + names.map(row).join('');
}

function row(name: LimitName): string {
  const limit = LIMITS[name];
  const least = 'fixed' in limit ? 'fixed' : amount(limit.least, limit.unit);
  return `| \`${name}\` | ${amount(limit.default, limit.unit)} | ${least} | ${limit.about} |\n`;
}

function amount(value: number, unit: string): string {
  const digits = value.toLocaleString('en');
  return unit === 'count' ? digits : `${digits} ${unit}`;
}
