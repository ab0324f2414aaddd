import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';

const LAST_LINES = 30;
const LINE_LENGTH = 300;

/** How runners begin the line of a failed test, and then how an error is told. */
const FAILED_TEST = /^\s*(?:FAIL(?:ED)?\b|not ok\b|[×✗✖✘●]\s|\d+\) )/;
const ERROR = /^\s*(?:\w*Error\b.*:|error [A-Z_]+:)/;

/** Listens to what a suite prints, and keeps little of it: its last lines, and the first that tells of a failure. */
export class SuiteOutput {
  readonly #last: string[] = [];
  #failedTest: string | undefined;
  #error: string | undefined;

  hear(stream: Readable): void {
    createInterface({ input: stream, crlfDelay: Infinity }).on('line', (line) => this.#take(line));
  }

  get lastLines(): readonly string[] {
    return this.#last;
  }

  get firstFailure(): string | undefined {
    return (this.#failedTest ?? this.#error ?? this.#last.at(-1))?.trim();
  }

  #take(told: string): void {
    const line = stripVTControlCharacters(told).slice(0, LINE_LENGTH).trimEnd();
    if (line === '') return;
    this.#last.push(line);
    if (this.#last.length > LAST_LINES) this.#last.shift();
    if (FAILED_TEST.test(line)) this.#failedTest ??= line;
    else if (ERROR.test(line)) this.#error ??= line;
  }
}
