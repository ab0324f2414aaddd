/**
 * Ends a test run with what did not run and why, and then, alone on the very
 * last line, `N passed, N failed` or `N passed, N failed, N skipped`.
 *
 * What fails outside a test (a file that does not load, an error that nobody
 * caught, a run that was cut off) counts as a failure, so the line never says 0
 * failed when the exit code says otherwise. In strict mode a test that was
 * skipped has failed.
 */

import { writeSync } from 'node:fs';
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import { isStrict } from './strict.ts';

type End = NonNullable<Reporter['onTestRunEnd']>;

export class FinalLine implements Reporter {
  onTestRunEnd(...[modules, errors, reason]: Parameters<End>): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const skipped = tests.filter((test) => test.result().state === 'skipped');
    const passed = tests.filter((test) => test.result().state === 'passed').length;
    const broken = modules.reduce((count, module) => count + errorsOutsideTests(module), errors.length);
    const unsettled = tests.length - skipped.length - passed;
    const failed = unsettled + broken + (isStrict ? skipped.length : 0);
    const cutOff = reason !== 'passed' && failed === 0 ? 1 : 0;
    if (failed + cutOff > 0) process.exitCode = 1;

    const line = [
      `${passed} passed`,
      `${failed + cutOff} failed`,
      ...(skipped.length > 0 && !isStrict ? [`${skipped.length} skipped`] : []),
    ].join(', ');
    // At exit, so that nothing that another reporter still has to say comes after it.
    process.on('exit', () => writeSync(1, `${notRun(skipped)}${line}\n`));
  }
}

function errorsOutsideTests(module: TestModule): number {
  const suites = [...module.children.allSuites()];
  return module.errors().length + suites.reduce((count, suite) => count + suite.errors().length, 0);
}

/** "not run (2): needs Chromium: …" with the names of the tests below it, one group per reason. */
function notRun(skipped: readonly TestCase[]): string {
  const reasons = Map.groupBy(skipped, (test) => noteOf(test));
  return [...reasons]
    .map(
      ([reason, tests]) =>
        `not run (${tests.length}): ${reason}\n${tests.map((test) => `  ${test.fullName}\n`).join('')}`,
    )
    .join('');
}

function noteOf(test: TestCase): string {
  const result = test.result();
  return (result.state === 'skipped' ? result.note : undefined) ?? 'no reason given';
}
