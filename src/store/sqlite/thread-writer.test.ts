import { mkdir, mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

import { ada, newRun } from '../../../test/contract/store/samples.ts';
import { prepareFile } from './file.ts';
import { ThreadWriter } from './thread-writer.ts';

const accept = { name: 'accept', args: { owner: ada, run: newRun('r1'), epoch: 'e1' } } as const;

test('H2: a thread that dies fails what it was given, and the next commit starts another', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'enginehouse-thread-'));
  const file = join(folder.path, 'missing', 'log.sqlite');
  await using writer = new ThreadWriter({ file, maxBytes: undefined });

  await expect(writer.commit([accept])).rejects.toMatchObject({
    code: 'STORE_FAILED',
    details: { operation: 'commit', reason: 'unable to open database file' },
  });
  await mkdir(dirname(file));
  prepareFile(file);

  expect(await writer.commit([accept])).toMatchObject([{ result: { created: true } }]);
});

test('H2: what cannot be sent to the thread fails as the store does', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'enginehouse-thread-'));
  const file = join(folder.path, 'log.sqlite');
  prepareFile(file);
  await using writer = new ThreadWriter({ file, maxBytes: undefined });
  const uncloneable = { ...accept, args: { ...accept.args, run: { ...accept.args.run, extra: () => undefined } } };

  await expect(writer.commit([uncloneable])).rejects.toMatchObject({
    code: 'STORE_FAILED',
    message: expect.stringContaining('could not be cloned'),
  });
  expect(await writer.commit([accept])).toMatchObject([{ result: { created: true } }]);
});

test('H3: once closed it writes nothing and starts no thread', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'enginehouse-thread-'));
  const file = join(folder.path, 'log.sqlite');
  prepareFile(file);
  const writer = new ThreadWriter({ file, maxBytes: undefined });
  await writer.commit([accept]);

  await writer[Symbol.asyncDispose]();
  await writer[Symbol.asyncDispose]();

  await expect(writer.commit([accept])).rejects.toMatchObject({ code: 'CLOSED' });
});
