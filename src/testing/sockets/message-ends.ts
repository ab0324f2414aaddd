const HEAD_END = '\r\n\r\n';
const UPGRADED = 'HTTP/1.1 101 ';

const FINAL = 0x80;
const MASKED = 0x80;
const CONTROL = 0x08;
const LENGTH_OF_2_BYTES = 126;
const LENGTH_OF_8_BYTES = 127;

/**
 * Finds where messages end in the bytes of a server: the answer to the upgrade,
 * then WebSocket frames (RFC 6455, section 5.2). It sees them piece by piece, in
 * any pieces. Control frames and the parts of a fragmented message are no messages.
 */
export class MessageEnds {
  #head = '';
  #part: 'head' | 'opcode' | 'length' | 'longLength' | 'payload' | 'other' = 'head';
  #endsMessage = false;
  #leftBytes = 0;
  #lengthLeft = 0;

  /** The offsets in `chunk` right behind each message that ends there. */
  in(chunk: Buffer): readonly number[] {
    const ends: number[] = [];
    let at = this.#part === 'head' ? this.#afterHead(chunk) : 0;
    while (at < chunk.length && this.#part !== 'other') {
      at += this.#part === 'payload' ? this.#payload(chunk.length - at) : this.#header(chunk.readUInt8(at));
      if (this.#part !== 'payload' || this.#leftBytes > 0) continue;
      this.#part = 'opcode';
      if (this.#endsMessage) ends.push(at);
    }
    return ends;
  }

  #afterHead(chunk: Buffer): number {
    const before = this.#head.length;
    this.#head += chunk.toString('latin1');
    const end = this.#head.indexOf(HEAD_END);
    if (end === -1) return chunk.length;
    // Refused: what follows is a body.
    this.#part = this.#head.startsWith(UPGRADED) ? 'opcode' : 'other';
    this.#head = '';
    return end + HEAD_END.length - before;
  }

  #payload(availableBytes: number): number {
    const bytes = Math.min(availableBytes, this.#leftBytes);
    this.#leftBytes -= bytes;
    return bytes;
  }

  #header(byte: number): number {
    if (this.#part === 'opcode') {
      this.#endsMessage = (byte & FINAL) !== 0 && (byte & CONTROL) === 0;
      this.#part = 'length';
    } else if (this.#part === 'length') this.#length(byte & ~MASKED);
    else {
      this.#leftBytes = this.#leftBytes * 256 + byte;
      this.#lengthLeft -= 1;
      if (this.#lengthLeft === 0) this.#part = 'payload';
    }
    return 1;
  }

  #length(short: number): void {
    const isLong = short === LENGTH_OF_2_BYTES || short === LENGTH_OF_8_BYTES;
    this.#part = isLong ? 'longLength' : 'payload';
    this.#leftBytes = isLong ? 0 : short;
    this.#lengthLeft = short === LENGTH_OF_2_BYTES ? 2 : 8;
  }
}
