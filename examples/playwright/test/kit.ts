import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test as base, type Browser, type Page } from '@playwright/test';
import { closeSharedRuntimes, TestHome, type TestUser } from 'enginehouse/testing';

import { createPageServer } from '../src/server.ts';
import { Network } from './network.ts';

/** Somebody with a browser and a network of their own. */
export interface Person {
  readonly user: TestUser;
  readonly network: Network;
  readonly page: Page;
}

interface Fixtures {
  /** The runtime of this test, and what the test steers: users, faults, time. */
  readonly home: TestHome;
  /** Where the page is. */
  readonly url: string;
  readonly alice: Person;
  readonly bob: Person;
}

export const test = base.extend<Fixtures, { readonly kit: void }>({
  kit: [
    async ({}, use) => {
      await use();
      await closeSharedRuntimes();
    },
    { scope: 'worker', auto: true },
  ],
  home: async ({}, use, { title, ...info }) => {
    const home = new TestHome({}, title);
    await use(home);
    await home.close(info.status === info.expectedStatus ? {} : { failedTest: title });
  },
  url: async ({ home }, use) => {
    const server = createPageServer(await home.own());
    home.scope.defer('the page server', async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  },
  alice: async ({ home, browser, url }, use) => {
    await use(await person(home, 'alice', { browser, url }));
  },
  bob: async ({ home, browser, url }, use) => {
    await use(await person(home, 'bob', { browser, url }));
  },
});

export { expect } from '@playwright/test';

/** A user of the test with the page open. The token is added to every request, as the gateway does in production. */
async function person(
  home: TestHome,
  name: string,
  { browser, url }: { readonly browser: Browser; readonly url: string },
): Promise<Person> {
  const user = home.user(name);
  const network = home.scope.own(`the network of ${name}`, await Network.to(url));
  const context = await browser.newContext({
    baseURL: network.url,
    extraHTTPHeaders: { Authorization: `Bearer ${await user.token()}` },
  });
  home.scope.defer(`the browser of ${name}`, () => context.close(), 5_000);
  const page = await context.newPage();
  await page.goto('/');
  return { user, network, page };
}
