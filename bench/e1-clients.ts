/** The clients of E1, in a process of their own: they parse every frame and note how old each event is. */

import { once } from 'node:events';

import { WebSocket } from 'ws';

import { systemClock } from '../src/base/clock.ts';
import { signToken } from '../src/server/token.ts';
import { quantile } from './report.ts';

const [kind = '', url = '', secret = '', count = '0'] = process.argv.slice(2);
const ages: number[] = [];

function note(text: string): void {
  const now = process.hrtime.bigint();
  for (const line of text.split('\n')) {
    if (line !== '') ages.push(Number(now - BigInt(line.slice(0, line.indexOf(' ')))) / 1e6);
  }
}

async function ours(index: number): Promise<void> {
  const token = await signToken(secret, { userId: `user-${index}`, expiresInMs: 600_000 }, systemClock);
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, ['enginehouse.v1'], {
    headers: { Authorization: `Bearer ${token}` },
    perMessageDeflate: false,
  });
  await once(socket, 'open');
  const stream = `run:e1-${index}`;
  let unacknowledged = 0;
  socket.on('message', (bytes: Buffer) => {
    const frame = JSON.parse(bytes.toString());
    if (frame.t === 'ev') {
      for (const [type, , payload] of frame.ev) if (type === 'message_delta') note(payload);
      unacknowledged += bytes.length;
      if (unacknowledged > 32_768) {
        unacknowledged = 0;
        socket.send(JSON.stringify({ t: 'ack', c: { [stream]: frame.from + frame.ev.length - 1 } }));
      }
    }
    if (frame.t === 'res' && !frame.ok) throw new Error(JSON.stringify(frame.err));
    if (frame.t === 'end') socket.close();
  });
  socket.send(JSON.stringify({ t: 'hello', v: 1 }));
  socket.send(JSON.stringify({ t: 'cmd', id: `e1-${index}`, op: 'run.start', a: { agent: 'talker', input: null } }));
  await once(socket, 'message');
  await new Promise<void>((resolve) => {
    const accepted = (bytes: Buffer): void => {
      if (JSON.parse(bytes.toString()).t !== 'res') return;
      socket.off('message', accepted);
      socket.send(JSON.stringify({ t: 'sub', s: stream, from: 'start' }));
      resolve();
    };
    socket.on('message', accepted);
  });
  await once(socket, 'close');
}

async function plain(): Promise<void> {
  const socket = new WebSocket(url.replace('http', 'ws'), { perMessageDeflate: false });
  socket.on('message', (bytes: Buffer) => note(JSON.parse(bytes.toString()).delta));
  await once(socket, 'close');
}

await Promise.all(Array.from({ length: Number(count) }, (_, index) => (kind === 'ws' ? plain() : ours(index))));
process.send?.({ events: ages.length, p50: quantile(ages, 0.5), p99: quantile(ages, 0.99) });
