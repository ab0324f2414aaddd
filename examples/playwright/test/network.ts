import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** The network between one browser and the server. It can be lost, and be there again, as on a train. */
export class Network implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((near) => this.#carry(near));
  readonly #port: number;
  #lost = false;

  private constructor(port: number) {
    this.#port = port;
  }

  /** A network that leads to `url`. */
  static async to(url: string): Promise<Network> {
    const network = new Network(Number(new URL(url).port));
    await once(network.#server.listen(0, '127.0.0.1'), 'listening');
    return network;
  }

  /** What the browser goes to. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Breaks every connection, and lets no other one through. */
  lose(): void {
    this.#lost = true;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  restore(): void {
    this.#lost = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.lose();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #carry(near: Socket): void {
    if (this.#lost) {
      near.resetAndDestroy();
      return;
    }
    const far = connect(this.#port, '127.0.0.1');
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.once('close', () => this.#sockets.delete(socket));
    }
    near.pipe(far).pipe(near);
    near.once('close', () => far.destroy());
    far.once('close', () => near.destroy());
  }
}
