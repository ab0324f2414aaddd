import { expect, test } from './kit.ts';

test('who orders gets a mail of it, after the answer', async ({ shop, mailbox, alice }) => {
  const email = `${alice.id}@example.com`;

  await shop.order(alice, { sku: 'otter-1', wanted: 2, email });

  const { message } = await mailbox.first(email);
  expect(message.split('\n')).toEqual([
    'From: <shop@example.com>',
    `To: <${email}>`,
    'Subject: Your order',
    'Content-Type: text/plain; charset=utf-8',
    '',
    'You ordered 2 of otter-1.',
  ]);
});

test('of two who order at once each gets their own mail', async ({ shop, mailbox, alice, bob }) => {
  await Promise.all([
    shop.order(alice, { sku: 'otter-1', wanted: 5, email: `${alice.id}@example.com` }),
    shop.order(bob, { sku: 'badger-2', wanted: 1, email: `${bob.id}@example.com` }),
  ]);

  expect((await mailbox.first(`${alice.id}@example.com`)).message).toContain('You ordered 5 of otter-1.');
  expect((await mailbox.first(`${bob.id}@example.com`)).message).toContain('You ordered 1 of badger-2.');
});

test('an order that the stock cannot give makes no mail', async ({ shop, mailbox, activity, alice }) => {
  const email = `${alice.id}@example.com`;
  await shop.order(alice, { sku: 'badger-2', wanted: 1 });

  await shop.order(alice, { sku: 'badger-2', wanted: 1, email });

  await activity.idle();
  expect(mailbox.of(email)).toEqual([]);
});

test('an order stands, whatever the mail server says of the address', async ({ shop, failedJobs, activity, alice }) => {
  const order = await shop.order(alice, { sku: 'otter-1', wanted: 2, email: 'alice@refused.example' });

  await activity.idle();
  expect(order).toMatchObject({ status: 'completed', result: { ordered: 2 } });
  expect(failedJobs).toEqual([
    'the mail to alice@refused.example: Error: the mail relay said: 550 nobody of that name',
  ]);
});

test('a queue that stops does what waits in it, and takes no more', async ({ queue, mail, mailbox, alice }) => {
  const to = `${alice.id}@example.com`;
  for (const subject of ['one', 'two']) queue.add(subject, () => mail.send({ to, subject, text: '.' }));

  await queue.stop();

  expect(mailbox.of(to).map(({ message }) => message.split('\n').slice(2))).toEqual([
    ['Subject: one', 'Content-Type: text/plain; charset=utf-8', '', '.'],
    ['Subject: two', 'Content-Type: text/plain; charset=utf-8', '', '.'],
  ]);
  expect(() => queue.add('three', async () => {})).toThrow('the queue is stopped, three came too late');
});
