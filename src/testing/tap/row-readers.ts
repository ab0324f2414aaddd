import type { Owner } from '../../context/ids.ts';

/** Gets what passes between a runtime and its databases for one owner, as text to be searched. */
export type RowReader = (owner: Owner, text: string) => void;

/** Those who search what passes. Nothing is made a text while there is none. */
export class RowReaders {
  readonly #readers = new Set<RowReader>();

  /** Call what it returns to take the reader off. */
  add(reader: RowReader): () => void {
    this.#readers.add(reader);
    return () => void this.#readers.delete(reader);
  }

  /** Shows a text as it is, bytes by their ASCII, anything else as JSON. */
  show(owner: Owner | undefined, value: unknown): void {
    if (this.#readers.size === 0 || owner === undefined) return;
    const text = textOf(value);
    if (text !== undefined) for (const read of this.#readers) read(owner, text);
  }
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return undefined;
  return value instanceof Uint8Array ? asciiOf(value) : JSON.stringify(value, plain);
}

/** Looks at what was there before `toJSON`, which makes a list of numbers of a buffer. */
function plain(this: Readonly<Record<string, unknown>>, key: string, value: unknown): unknown {
  const own = this[key];
  if (typeof own === 'bigint') return String(own);
  return own instanceof Uint8Array ? asciiOf(own) : value;
}

function asciiOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
}
