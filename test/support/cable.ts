import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

import { socketPath } from '../../src/testing/postgres/server-place.ts';

/** The way from a runtime to a PostgreSQL server, which a test can cut. */
export class Cable implements AsyncDisposable {
  /** The URL of the database by this way. */
  readonly url: string;
  readonly #server: Server;
  readonly #ends: Set<Socket>;

  private constructor(url: string, server: Server, ends: Set<Socket>) {
    this.url = url;
    this.#server = server;
    this.#ends = ends;
  }

  static async to(url: string): Promise<Cable> {
    const ends = new Set<Socket>();
    const server = createServer({ noDelay: true }, (near) => join(near, far(new URL(url)), ends));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const through = new URL(url);
    through.searchParams.delete('host');
    through.hostname = '127.0.0.1';
    through.port = String((server.address() as AddressInfo).port);
    return new Cable(through.href, server, ends);
  }

  /** Nothing passes any more, either way, and nobody connects. */
  cut(): void {
    this.#server.close();
    for (const end of this.#ends) end.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.cut();
    await closed;
  }
}

function far({ hostname, port, searchParams }: URL): Socket {
  const folder = searchParams.get('host');
  return folder?.startsWith('/') === true
    ? connect(socketPath(folder, Number(port)))
    : connect({ port: Number(port || 5432), host: folder ?? hostname, noDelay: true });
}

function join(near: Socket, distant: Socket, ends: Set<Socket>): void {
  for (const [end, other] of [
    [near, distant],
    [distant, near],
  ] as const) {
    ends.add(end);
    end.on('error', () => undefined);
    end.on('close', () => {
      ends.delete(end);
      other.destroy();
    });
    end.pipe(other);
  }
}
