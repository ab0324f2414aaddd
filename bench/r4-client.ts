/** The client of R4, in a process of its own: one run after the other on one connection. */

import { WebSocket } from 'ws';

import { connect } from '../src/client/index.ts';
import { systemClock } from '../src/base/clock.ts';
import { signToken } from '../src/server/token.ts';

const WARM_UP = 10;

const [url = '', secret = '', runs = '0'] = process.argv.slice(2);
const token = await signToken(secret, { userId: 'ada', expiresInMs: 600_000 }, systemClock);
const times: number[] = [];
{
  await using client = connect({
    url,
    token: () => token,
    webSocket: (address, protocols, headers) =>
      new WebSocket(address, [...protocols], { headers, perMessageDeflate: false }),
  });
  for (let index = -WARM_UP; index < Number(runs); index += 1) {
    const startedAt = performance.now();
    let first: number | undefined;
    for await (const _event of client.start('greeter', null)) first ??= performance.now() - startedAt;
    if (index >= 0 && first !== undefined) times.push(first);
  }
}
process.send?.(times);
