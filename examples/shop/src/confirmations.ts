import type { JobQueue } from './job-queue.ts';
import type { MailSender } from './mail-sender.ts';

export interface PlacedOrder {
  readonly sku: string;
  readonly ordered: number;
}

/** Tells customers what was ordered, by mail, after they had their answer. */
export class Confirmations {
  readonly #queue: JobQueue;
  readonly #mail: MailSender;

  constructor({ queue, mail }: { readonly queue: JobQueue; readonly mail: MailSender }) {
    this.#queue = queue;
    this.#mail = mail;
  }

  confirm(to: string, { sku, ordered }: PlacedOrder): void {
    const text = `You ordered ${ordered} of ${sku}.`;
    this.#queue.add(`the mail to ${to}`, () => this.#mail.send({ to, subject: 'Your order', text }));
  }
}
