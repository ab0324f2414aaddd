import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

export interface MailSenderOptions {
  /** The relay, such as smtp://127.0.0.1:25: one on the same machine or network, which asks for no password. */
  readonly url: string;
  readonly from: string;
  /** Milliseconds that the relay may keep silent. @default 10_000 */
  readonly timeoutMs?: number;
}

/** Gives mails to a relay by SMTP, each over a connection of its own. */
export class MailSender implements AsyncDisposable {
  readonly #options: MailSenderOptions;
  readonly #sockets = new Set<Socket>();

  constructor(options: MailSenderOptions) {
    this.#options = options;
  }

  /** Resolves when the relay has taken the mail. @throws with the relay's own words when it does not */
  async send(mail: Mail): Promise<void> {
    const { url, from, timeoutMs = 10_000 } = this.#options;
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port || 25), hostname);
    this.#sockets.add(socket);
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`${url} kept silent for ${timeoutMs} ms`)));
    try {
      const replies = repliesOf(socket);
      await expectReply(replies, '220');
      for (const [line, code] of conversation(from, mail)) {
        socket.write(`${line}\r\n`);
        await expectReply(replies, code);
      }
    } finally {
      socket.destroy();
      this.#sockets.delete(socket);
    }
  }

  /** Breaks off what is being sent. */
  async [Symbol.asyncDispose](): Promise<void> {
    const open = [...this.#sockets].filter(({ closed }) => !closed);
    await Promise.all(open.map((socket) => once(socket.destroy(), 'close')));
  }
}

/** What is said, and the code of the reply that lets it go on. */
function conversation(from: string, mail: Mail): readonly (readonly [line: string, code: string])[] {
  return [
    ['EHLO shop', '250'],
    [`MAIL FROM:<${address(from)}>`, '250'],
    [`RCPT TO:<${address(mail.to)}>`, '250'],
    ['DATA', '354'],
    [`${message(from, mail)}\r\n.`, '250'],
    ['QUIT', '221'],
  ];
}

function message(from: string, { to, subject, text }: Mail): string {
  const head = [
    `From: <${from}>`,
    `To: <${to}>`,
    `Subject: ${subject.replaceAll(/[\r\n]+/g, ' ')}`,
    'Content-Type: text/plain; charset=utf-8',
  ];
  // A line that begins with a dot would end the message.
  const body = text.split(/\r?\n/).map((line) => (line.startsWith('.') ? `.${line}` : line));
  return [...head, '', ...body].join('\r\n');
}

/** An address goes into a command, so nothing in it may begin another one. */
function address(text: string): string {
  if (!/^[^\s<>@]+@[^\s<>@]+$/.test(text)) throw new Error(`${JSON.stringify(text)} is no mail address`);
  return text;
}

/** The last line of each reply; those before it have a dash after their code. */
async function* repliesOf(socket: Socket): AsyncGenerator<string, undefined> {
  let rest = '';
  for await (const chunk of socket.setEncoding('utf8')) {
    const lines = `${rest}${String(chunk)}`.split('\r\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line[3] !== '-') yield line;
  }
  return undefined;
}

async function expectReply(replies: AsyncGenerator<string, undefined>, code: string): Promise<void> {
  const { value } = await replies.next();
  if (value?.startsWith(code) !== true) throw new Error(`the mail relay said: ${value ?? 'nothing more'}`);
}
