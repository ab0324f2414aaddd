import { connect, type NetConnectOpts } from 'node:net';

import { systemClock } from '../../base/clock.ts';

/** What a server says to one who comes: `starting` also when it stops or has no place left. */
export type Probed =
  | { readonly is: 'ready'; readonly version: string | undefined }
  | { readonly is: 'starting' }
  | { readonly is: 'absent' };

const PROTOCOL_3 = 196_608;
const LONGEST_ANSWER = 16_384;
const AUTHENTICATION = 'R'.charCodeAt(0);

/**
 * Asks a server whether it takes connections, in its own protocol, so that the
 * keeper needs no driver. Over a socket that trusts its user it also says its
 * version; over TCP it asks for the password first, which is answer enough.
 */
export function probeServer(at: NetConnectOpts, timeoutMs: number): Promise<Probed> {
  return new Promise((resolve) => {
    const socket = connect(at);
    let answer = Buffer.alloc(0);
    const settle = (probed: Probed): void => {
      disarm();
      socket.destroy();
      resolve(probed);
    };
    const disarm = systemClock.after(timeoutMs, () => settle({ is: 'absent' }));
    socket.once('connect', () => socket.write(startupMessage()));
    socket.on('data', (bytes: Buffer) => {
      answer = Buffer.concat([answer, bytes]);
      const probed = read(answer);
      if (probed !== undefined) settle(probed);
    });
    socket.once('error', () => settle({ is: 'absent' }));
    socket.once('close', () => settle({ is: answer.length === 0 ? 'absent' : 'starting' }));
  });
}

function startupMessage(): Buffer {
  const words = Buffer.from('user\0postgres\0database\0postgres\0\0');
  const message = Buffer.alloc(8);
  message.writeUInt32BE(8 + words.length, 0);
  message.writeUInt32BE(PROTOCOL_3, 4);
  return Buffer.concat([message, words]);
}

/** What the answer so far means; `undefined` when more must come. */
function read(answer: Buffer): Probed | undefined {
  if (answer.length < 9) return undefined;
  if (answer[0] !== AUTHENTICATION) return { is: 'starting' };
  if (answer.readUInt32BE(5) !== 0) return { is: 'ready', version: undefined };
  const version = /\0?server_version\0([^\0]+)\0/.exec(answer.toString('latin1'))?.[1];
  if (version !== undefined) return { is: 'ready', version };
  // An error after the greeting: it has no place for one more, or is stopping.
  return answer.length > LONGEST_ANSWER ? { is: 'starting' } : undefined;
}
