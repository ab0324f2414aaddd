import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A service as the tests need it: a real server, which may be told to keep silent. */
export class TariffService implements AsyncDisposable {
  readonly #server: Server;
  readonly #asked = Promise.withResolvers<void>();
  silent = false;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#asked.resolve();
      if (this.silent) return;
      const { searchParams } = new URL(request.url ?? '/', 'http://tariffs');
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ cents: 400 + Number(searchParams.get('grams')) }));
    });
  }

  static async start(): Promise<TariffService> {
    const service = new TariffService();
    await once(service.#server.listen(0, '127.0.0.1'), 'listening');
    return service;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  /** Resolves when somebody asks. */
  get asked(): Promise<void> {
    return this.#asked.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}
