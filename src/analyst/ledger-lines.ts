/**
 * Splits a stream of bytes into lines of text, in blocks as the bytes come. A
 * byte order mark and carriage returns are dropped. A line that is too long is
 * cut and marked, so that a file without lines cannot fill the memory.
 */

export interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string;
  /** The line was longer and `text` is not all of it. */
  readonly cut: boolean;
}

export interface LineBlock {
  readonly lines: readonly Line[];
  /** Bytes read up to here. */
  readonly bytes: number;
}

export const MAX_LINE_CHARACTERS = 1_048_576;

export async function* readLines(source: AsyncIterable<Uint8Array>): AsyncGenerator<LineBlock> {
  const decoder = new TextDecoder();
  const splitter = new Splitter();
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.byteLength;
    yield { lines: splitter.push(decoder.decode(chunk, { stream: true })), bytes };
  }
  yield { lines: splitter.end(decoder.decode()), bytes };
}

class Splitter {
  #count = 0;
  #rest = '';
  #cut = false;

  push(text: string): readonly Line[] {
    const parts = (this.#rest + text).split('\n');
    const rest = parts.pop() ?? '';
    const lines = parts.map((part) => this.#line(part));
    this.#cut ||= rest.length > MAX_LINE_CHARACTERS;
    this.#rest = rest.slice(0, MAX_LINE_CHARACTERS);
    return lines;
  }

  end(text: string): readonly Line[] {
    const lines = this.push(text);
    return this.#rest === '' ? lines : [...lines, this.#line(this.#rest)];
  }

  #line(part: string): Line {
    const cut = this.#cut || part.length > MAX_LINE_CHARACTERS;
    this.#cut = false;
    this.#count += 1;
    const text = part.endsWith('\r') ? part.slice(0, -1) : part;
    return { number: this.#count, text: cut ? text.slice(0, MAX_LINE_CHARACTERS) : text, cut };
  }
}
