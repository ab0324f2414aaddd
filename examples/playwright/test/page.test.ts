import { expect, test } from './kit.ts';

test('two people see each their own run, live', async ({ home, alice, bob }) => {
  // Her second thing is packed, and nobody is told before the test lets it happen.
  const held = home.chaos.store.hold('append', { types: ['tool_completed'], nth: 2, owner: alice.user });

  await alice.page.getByRole('button', { name: 'Pack' }).click();
  await held.reached;
  await expect(alice.page.getByRole('listitem')).toHaveText(['tent']);
  await expect(bob.page.getByRole('listitem')).toHaveCount(0);
  await bob.page.getByLabel('Things').fill('kite, string');
  await bob.page.getByRole('button', { name: 'Pack' }).click();

  await expect(bob.page.getByRole('status')).toHaveText('2 things are packed.');
  await expect(bob.page.getByRole('listitem')).toHaveText(['kite', 'string']);
  await expect(alice.page.getByRole('listitem')).toHaveText(['tent']);
  held.release();
  await expect(alice.page.getByRole('status')).toHaveText('3 things are packed.');
  await expect(alice.page.getByRole('listitem')).toHaveText(['tent', 'torch', 'map']);
});

test('who loses the network misses nothing, and sees nothing twice', async ({ home, alice, bob }) => {
  const held = home.chaos.store.hold('append', { types: ['tool_completed'], nth: 2, owner: alice.user });
  await alice.page.getByRole('button', { name: 'Pack' }).click();
  await held.reached;
  await expect(alice.page.getByRole('listitem')).toHaveText(['tent']);

  alice.network.lose();
  await expect(alice.page.locator('#connection')).toHaveText('lost');
  held.release();
  await bob.page.getByRole('button', { name: 'Pack' }).click();
  await expect(bob.page.getByRole('status')).toHaveText('3 things are packed.');
  await expect(alice.page.getByRole('listitem')).toHaveText(['tent']);
  alice.network.restore();

  await expect(alice.page.getByRole('status')).toHaveText('3 things are packed.');
  await expect(alice.page.getByRole('listitem')).toHaveText(['tent', 'torch', 'map']);
});

test('a page that is opened again shows the run from its log', async ({ alice }) => {
  await alice.page.getByRole('button', { name: 'Pack' }).click();
  await expect(alice.page.getByRole('status')).toHaveText('3 things are packed.');

  await alice.page.reload();

  await expect(alice.page.getByRole('listitem')).toHaveText(['tent', 'torch', 'map']);
});
