import { shared, test as base, type TestUser } from 'enginehouse/testing/vitest';

import { Confirmations } from '../src/confirmations.ts';
import { JobQueue } from '../src/job-queue.ts';
import { MailSender } from '../src/mail-sender.ts';
import { buildServer } from '../src/server.ts';
import { Mailbox } from './mailbox.ts';

/** The kit's fixtures, and the shop's own parts: real ones, made as the shop makes them. */
export const test = base
  // Worker scope: one for all tests of a process, which are kept apart by the addresses that they write to.
  .extend('mailbox', { scope: 'worker' }, () =>
    shared({ name: 'the mailbox', open: () => Mailbox.open(), close: (mailbox) => mailbox[Symbol.asyncDispose]() }),
  )
  // Function scope: owned by the test's scope, and closed with the test, last opened first, each within 2 s.
  .extend('mail', ({ mailbox, testScope }) =>
    testScope.own('the mail sender', new MailSender({ url: mailbox.url, from: 'shop@example.com' })),
  )
  .extend('failedJobs', (): string[] => [])
  .extend('queue', ({ failedJobs, testScope, activity }) => {
    const queue = new JobQueue({ failed: (name, error) => failedJobs.push(`${name}: ${String(error)}`) });
    // Whoever waits for the runtime to be idle waits for the shop's jobs too.
    activity.add({ name: 'jobs of the shop', busy: () => queue.size });
    return testScope.own('the queue', queue);
  })
  // A part that owns nothing needs no scope.
  .extend('confirmations', ({ queue, mail }) => new Confirmations({ queue, mail }))
  .extend('shop', async ({ runtime, confirmations, testScope }) => {
    const server = buildServer(runtime, confirmations);
    testScope.defer('the server of the shop', () => server.close());
    return new Shop(await server.listen({ port: 0 }));
  });

export { expect } from 'enginehouse/testing/vitest';

/** The shop as its customers see it. */
class Shop {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async get(path: string, customer: TestUser): Promise<Response> {
    return fetch(`${this.#url}${path}`, { headers: { 'x-customer': customer.id } });
  }

  async order(customer: TestUser, order: { sku: string; wanted: number; email?: string }): Promise<unknown> {
    const headers = { 'content-type': 'application/json', 'x-customer': customer.id };
    const response = await fetch(`${this.#url}/orders`, { method: 'POST', headers, body: JSON.stringify(order) });
    return response.json();
  }
}
