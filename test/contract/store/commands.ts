import { expect, test } from 'vitest';

import { runId } from '../../../src/context/ids.ts';
import { accept, ada, again, AT, newCommand, unapplied, type OpenStore } from './samples.ts';

export function commandsContract(open: OpenStore): void {
  test('a command waits, oldest first, until it is applied', async () => {
    const opened = await open();
    await using store = opened.store;
    await accept(store.for(ada), 'r1');
    const [first, second] = [newCommand('b', 'r1', AT + 2), newCommand('a', 'r1', AT + 1)];

    expect(await store.for(ada).commands.put(first)).toEqual({ created: true, command: unapplied(first) });
    await store.for(ada).commands.put(second);

    await using later = await again(opened);
    const { commands } = later.for(ada);
    expect(await commands.pending(runId('r1'))).toEqual([unapplied(first), unapplied(second)]);
    await commands.applied('b', 7);
    expect(await commands.pending(runId('r1'))).toEqual([unapplied(second)]);
  });

  test('a known id gives the first command back, with what became of it', async () => {
    await using store = (await open()).store;
    const { commands } = store.for(ada);
    await accept(store.for(ada), 'r1');
    await accept(store.for(ada), 'r2');
    const first = newCommand('c1', 'r1');
    await commands.put(first);

    expect(await commands.put(newCommand('c1', 'r2', AT + 9))).toEqual({ created: false, command: unapplied(first) });
    await commands.applied('c1', 7);
    expect(await commands.put(first)).toEqual({ created: false, command: { ...first, appliedSeq: 7 } });
    expect(await commands.pending(runId('r2'))).toEqual([]);
  });

  test('of two puts made at once, one keeps the command', async () => {
    await using store = (await open()).store;
    await accept(store.for(ada), 'r1');

    const answers = await Promise.all([1, 2].map((at) => store.for(ada).commands.put(newCommand('c1', 'r1', AT + at))));

    expect(answers.map(({ created }) => created)).toEqual([true, false]);
    expect(answers[1]?.command.at).toBe(AT + 1);
  });

  test('a command that is applied twice keeps its first place', async () => {
    await using store = (await open()).store;
    const { commands } = store.for(ada);
    await accept(store.for(ada), 'r1');
    await commands.put(newCommand('c1', 'r1'));

    await commands.applied('c1', 3);
    await commands.applied('c1', 9);
    await commands.applied('unknown', 9);

    expect(await commands.put(newCommand('c1', 'r1'))).toMatchObject({ command: { appliedSeq: 3 } });
  });

  test('an unknown run takes no command', async () => {
    await using store = (await open()).store;

    await expect(store.for(ada).commands.put(newCommand('c1', 'nobody'))).rejects.toMatchObject({
      code: 'NOT_FOUND',
      details: { what: 'run', id: 'nobody' },
    });
    expect(await store.for(ada).commands.pending(runId('nobody'))).toEqual([]);
  });
}
