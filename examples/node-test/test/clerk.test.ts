import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { assertSeenNothing, assertTimeline } from 'enginehouse/testing';
import { closeSharedRuntimes, enginehouse, shared } from 'enginehouse/testing/node';

import { application, type PostTransaction } from '../src/application.ts';
import { TariffService } from './tariff-service.ts';

// Closes what the tests of this file share, each part within its time.
after(closeSharedRuntimes);

/** One service for the tests that only ask it. */
function tariffs(): Promise<TariffService> {
  return shared({
    name: 'the tariff service',
    open: () => TariffService.start(),
    close: (service) => service[Symbol.asyncDispose](),
  });
}

test('a parcel gets a label', async (t) => {
  const { url } = await tariffs();
  const { factory, alice } = await enginehouse(t, { config: application({ tariffs: url }) });
  await using engine = await factory.createForUser(alice.context());

  const run = engine.executeAgent('clerk', { country: 'DK', grams: 250 });

  assert.partialDeepStrictEqual(await run.result, { status: 'completed', result: { cents: 650 } });
  const labels = await engine.databaseSessionManager.transaction((db: PostTransaction) =>
    db.selectFrom('labels').select(['country', 'cents']).execute(),
  );
  assert.deepEqual(labels, [{ country: 'DK', cents: 650 }]);
});

test('who sends nothing is told nothing', async (t) => {
  const { url } = await tariffs();
  const { alice, bob } = await enginehouse(t, { config: application({ tariffs: url }) });
  const [hers] = await Promise.all([alice.client(), bob.client()]);

  await hers.start('clerk', { country: 'DK', grams: 250 }).result;

  await assertSeenNothing(bob);
});

test('a service that keeps silent ends the run after ten seconds, which take no time', async (t) => {
  const service = await TariffService.start();
  service.silent = true;
  const { alice, home } = await enginehouse(t, { config: application({ tariffs: service.url }) });
  // A part of this test's own: closed with it, before its runtime, and named if that takes more than 2 s.
  home.scope.own('the silent service', service);
  const clock = await home.clock();
  const run = (await alice.client()).start('clerk', { country: 'DK', grams: 250 });
  await service.asked;

  await clock.advance('10s');

  await assertTimeline(run, (t) =>
    t.seq(t.started, t.tool('tariff', { outcome: 'timeout' }), t.failed('TOOL_TIMEOUT')),
  );
});

test('a connection that drops in the middle of a run costs its user nothing', async (t) => {
  const { url } = await tariffs();
  const { alice, home } = await enginehouse(t, { config: application({ tariffs: url }) });
  const client = await alice.client();
  const cut = home.chaos.socket(alice).cut({ afterFrame: 4 });

  const run = client.start('clerk', { country: 'DK', grams: 250 });

  await cut;
  await assertTimeline(run, (t) => t.seq(t.started, t.tool('tariff'), t.tool('label'), t.completed));
});

for (const nth of ['first', 'second']) {
  test(`the ${nth} of the tests that share a runtime has users of its own`, async (t) => {
    const { factory, alice } = await enginehouse(t, { session: true });
    await using engine = await factory.createForUser(alice.context());

    const labels = await engine.databaseSessionManager.transaction((db: PostTransaction) =>
      db.selectFrom('labels').selectAll().execute(),
    );

    assert.deepEqual(labels, []);
  });
}
