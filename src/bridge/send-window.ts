/**
 * What was sent on one connection and is not acknowledged. A browser cannot
 * push back on a socket, so without this a frozen tab would hoard in the
 * browser what the server believes delivered. Bounded by the window itself.
 */
export class SendWindow {
  readonly #sent = new Map<string, { readonly seq: number; readonly bytes: number }[]>();
  readonly #limitBytes: number;
  #unacknowledged = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get unacknowledgedBytes(): number {
    return this.#unacknowledged;
  }

  get full(): boolean {
    return this.#unacknowledged >= this.#limitBytes;
  }

  sent(stream: string, seq: number, bytes: number): void {
    const frames = this.#sent.get(stream) ?? [];
    frames.push({ seq, bytes });
    this.#sent.set(stream, frames);
    this.#unacknowledged += bytes;
  }

  /** The client applied everything up to `seq`. */
  acknowledged(stream: string, seq: number): void {
    const frames = this.#sent.get(stream) ?? [];
    const kept = frames.findIndex((frame) => frame.seq > seq);
    this.#drop(frames.splice(0, kept === -1 ? frames.length : kept));
    if (frames.length === 0) this.#sent.delete(stream);
  }

  /** The client left the stream, or starts it again: nothing of it will be acknowledged. */
  forget(stream: string): void {
    this.#drop(this.#sent.get(stream) ?? []);
    this.#sent.delete(stream);
  }

  #drop(frames: readonly { readonly bytes: number }[]): void {
    for (const { bytes } of frames) this.#unacknowledged -= bytes;
  }
}
