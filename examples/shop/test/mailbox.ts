import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

export interface ReceivedMail {
  readonly to: string;
  /** Head and body, as they came. */
  readonly message: string;
}

/** A real mail server that keeps what it gets, and takes nothing for `@refused.example`. */
export class Mailbox implements AsyncDisposable {
  readonly #mails: ReceivedMail[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#serve(socket));
  #arrived = Promise.withResolvers<void>();

  static async open(): Promise<Mailbox> {
    const mailbox = new Mailbox();
    await once(mailbox.#server.listen(0, '127.0.0.1'), 'listening');
    return mailbox;
  }

  get url(): string {
    return `smtp://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What came for one address so far. */
  of(address: string): readonly ReceivedMail[] {
    return this.#mails.filter(({ to }) => to === address);
  }

  /** The first mail for one address, once it is there. */
  async first(address: string): Promise<ReceivedMail> {
    for (;;) {
      const [mail] = this.of(address);
      if (mail !== undefined) return mail;
      await this.#arrived.promise;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  #serve(socket: Socket): void {
    let to = '';
    let rest = '';
    let body: string[] | undefined;
    const answer = (line: string): void => {
      if (body !== undefined && line !== '.') {
        body.push(line.startsWith('..') ? line.slice(1) : line);
      } else if (body !== undefined) {
        this.#keep({ to, message: body.join('\n') });
        body = undefined;
        socket.write('250 kept\r\n');
      } else if (line === 'DATA') {
        body = [];
        socket.write('354 go on\r\n');
      } else if (line === 'QUIT') {
        socket.end('221 bye\r\n');
      } else {
        to = /^RCPT TO:<(.*)>$/.exec(line)?.[1] ?? to;
        socket.write(line.endsWith('@refused.example>') ? '550 nobody of that name\r\n' : '250 ok\r\n');
      }
    };
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.setEncoding('utf8').on('data', (chunk) => {
      const lines = `${rest}${String(chunk)}`.split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) answer(line);
    });
    socket.write('220 the mailbox\r\n');
  }

  #keep(mail: ReceivedMail): void {
    this.#mails.push(mail);
    this.#arrived.resolve();
    this.#arrived = Promise.withResolvers();
  }
}
