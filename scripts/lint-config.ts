/**
 * The lint configuration, made from the order of the stations. oxlint reads
 * .oxlintrc.json, which `npm run generate` writes from here and test/lint compares.
 *
 * An override replaces the options of a rule, it does not add to them: so every
 * folder gets its whole list of imports in one place, and no two overrides name
 * the same rule for one file except to switch it off for tests.
 */

import { FOLDERS, importsOf } from './stations.ts';

const TESTS = ['**/*.test.ts', '**/*.test-d.ts'];

/** Outside base/ time, timers and chance come in through the ports Clock and Ids. */
const TIMERS = ['setTimeout', 'setInterval', 'setImmediate'];
const TIMER_MODULES = ['node:timers', 'node:timers/promises'];

interface ImportPattern {
  readonly regex: string;
  readonly message: string;
  readonly allowTypeImports?: true;
}

const SRC_RULES = {
  'import/no-default-export': 'error',
  'typescript/no-explicit-any': 'error',
  'typescript/no-non-null-assertion': 'error',
  'eslint/max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
  'eslint/max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
  'eslint/max-params': ['error', { max: 4 }],
  'eslint/max-depth': ['error', { max: 3 }],
  'eslint/no-restricted-globals': [
    'error',
    { globals: ['Date', ...TIMERS].map((name) => ({ name, message: portInstead(name) })), checkGlobalObject: true },
  ],
  'eslint/no-restricted-properties': [
    'error',
    { object: 'Math', property: 'random', message: portInstead('Math.random') },
    { object: 'AbortSignal', property: 'timeout', message: portInstead('AbortSignal.timeout') },
    {
      object: 'AbortSignal',
      property: 'any',
      message: 'Use LinkedSignal: any() keeps its parents and their children alive.',
    },
  ],
};

/** What is not the library may take any part of it, and the time of the machine where nothing depends on how long it takes. */
const RELAXED = {
  'eslint/no-restricted-globals': 'off',
  'eslint/no-restricted-properties': 'off',
  'eslint/max-lines': ['error', { max: 500, skipBlankLines: true, skipComments: true }],
  'eslint/max-lines-per-function': 'off',
  'eslint/max-params': 'off',
  'typescript/no-misused-promises': ['error', { checksVoidReturn: false }],
  'typescript/restrict-template-expressions': 'off',
};

const VITEST_RULES = {
  'eslint/no-restricted-imports': 'off',
  // Fixtures, contracts and helpers assert too.
  'vitest/expect-expect': 'off',
  // A rejection may be expected before what causes it and awaited after; Vitest fails the test that forgets to.
  'vitest/valid-expect': 'off',
  'vitest/no-conditional-expect': 'off',
  'vitest/no-focused-tests': 'error',
  'vitest/no-disabled-tests': 'error',
  'vitest/no-identical-title': 'error',
  'vitest/no-standalone-expect': [
    'error',
    {
      additionalTestBlockFunctions: ['testWith', 'testWithChromium', 'testWithInstalledPostgres', 'testWithPgBouncer'],
    },
  ],
};

const NODE_TEST = { from: 'package', package: 'node:test', name: ['test'] };

export function lintConfig(): object {
  return {
    $schema: './node_modules/oxlint/configuration_schema.json',
    options: { typeAware: true },
    plugins: ['typescript', 'import', 'oxc', 'unicorn'],
    categories: { correctness: 'error' },
    ignorePatterns: ['dist', 'dist-*', 'examples/*/node_modules', 'test/lint/fixture'],
    rules: {
      'eslint/eqeqeq': 'error',
      'import/no-cycle': ['error', { ignoreTypes: false }],
      'import/no-self-import': 'error',
      'typescript/consistent-type-imports': 'error',
      'typescript/no-floating-promises': 'error',
      'typescript/no-misused-promises': 'error',
      'typescript/only-throw-error': 'error',
      'typescript/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // Options are objects of functions that the application wrote; none of them uses `this`.
      'typescript/unbound-method': 'off',
      // Ids and names are checked for control characters on purpose.
      'eslint/no-control-regex': 'off',
    },
    overrides: [
      { files: ['src/**/*.ts'], rules: SRC_RULES },
      ...FOLDERS.map((folder) => importRule(`src/${folder}/**/*.ts`, folder)),
      importRule('src/*.ts', '.'),
      {
        files: ['src/base/**/*.ts'],
        rules: { 'eslint/no-restricted-globals': 'off', 'eslint/no-restricted-properties': 'off' },
      },
      { files: ['console/**/*.ts', 'examples/**/*.ts'], rules: { 'eslint/no-restricted-imports': onlyDoors() } },
      { files: [...TESTS, 'test/**/*.ts', 'bench/**/*.ts', 'examples/**/*.ts'], rules: RELAXED },
      {
        files: ['examples/node-test/**/*.ts'],
        // The runner awaits a test; who writes one does not.
        rules: { 'typescript/no-floating-promises': ['error', { allowForKnownSafeCalls: [NODE_TEST] }] },
      },
      {
        files: ['examples/playwright/**/*.ts'],
        // Playwright reads from a fixture's first parameter which others it needs; none is `{}`.
        rules: { 'eslint/no-empty-pattern': ['error', { allowObjectPatternsAsParameters: true }] },
      },
      { files: TESTS, plugins: ['vitest'], rules: VITEST_RULES },
    ],
  };
}

function importRule(files: string, folder: string): object {
  const allowed = importsOf(folder);
  const refused = FOLDERS.filter((other) => !allowed.includes(other));
  const patterns: ImportPattern[] = [
    {
      regex: `^(\\./|(\\.\\./)+)(${refused.join('|')})/`,
      message: `${folder === '.' ? 'src' : folder}/ imports only ${allowed.join(', ')}: see src/README.md.`,
    },
    {
      regex: '^(\\.\\./)+(test|scripts|bench|console|examples|dist)/',
      message: 'The library imports nothing outside src/.',
    },
    { regex: '^enginehouse($|/)', message: 'Inside the house, import the file itself.' },
  ];
  if (folder === 'client') {
    patterns.push({
      regex: '^[^.]',
      allowTypeImports: true,
      message: 'client/ loads in a browser as it is: types only.',
    });
  } else if (folder !== 'base') {
    patterns.push({ regex: `^(${TIMER_MODULES.join('|')})$`, message: portInstead('node:timers') });
  }
  return { files: [files], rules: { 'eslint/no-restricted-imports': ['error', { patterns }] } };
}

function onlyDoors(): unknown {
  const message = 'The page and the examples use the public doors only.';
  const inside = `^(\\.\\./)+(src|dist)/((${FOLDERS.join('|')})/|index\\.)`;
  return ['error', { patterns: [{ regex: inside, message }] }];
}

function portInstead(name: string): string {
  return `${name} is used in base/ only; take the port Clock or Ids.`;
}
