import { expect, test } from 'vitest';

import { ada, bob, delta, newArtifact, newCommand, newRun } from '../../../test/contract/store/samples.ts';
import { runId, type Owner } from '../../context/ids.ts';
import type { Write } from '../log/writes.ts';
import { rounds } from './rounds.ts';

function append(id: string, owner: Owner = ada): Write {
  return { name: 'append', args: { owner, runId: runId(id), generation: 1, after: 1, events: [delta('a')] } };
}

const accept = (id: string): Write => ({ name: 'accept', args: { owner: ada, run: newRun(id), epoch: 'e' } });
const take = (id: string): Write => ({ name: 'take', args: { owner: ada, runId: runId(id), holder: 'n' } });
const put = (id: string, run: string): Write => ({
  name: 'putCommand',
  args: { owner: ada, command: newCommand(id, run) },
});
const applied = (commandId: string): Write => ({ name: 'applied', args: { owner: ada, commandId, seq: 1 } });
const piece = (id: string): Write => ({
  name: 'piece',
  args: {
    owner: ada,
    artifact: newArtifact(id),
    upload: undefined,
    place: 0,
    content: new Uint8Array(),
    whole: undefined,
  },
});
const drop = (artifactId: string): Write => ({ name: 'deleteArtifact', args: { owner: ada, artifactId } });

test('writes that concern different things share a round', () => {
  const group = [
    append('r1'),
    append('r1', bob),
    accept('r2'),
    take('r3'),
    put('c1', 'r4'),
    applied('c2'),
    piece('f1'),
    drop('f2'),
  ];

  expect(rounds(group)).toEqual([group]);
});

test('appends to one run share a round', () => {
  const group = [append('r1'), append('r2'), append('r1')];

  expect(rounds(group)).toEqual([group]);
});

test.each([
  ['two starts of a run', [accept('r1'), accept('r1')]],
  ['a start and an append', [accept('r1'), append('r1')]],
  ['an append and a takeover', [append('r1'), take('r1')]],
  ['a takeover and an append', [take('r1'), append('r1')]],
  ['two takeovers', [take('r1'), take('r1')]],
  ['a start and a command', [accept('r1'), put('c1', 'r1')]],
  ['a command and its application', [put('c1', 'r1'), applied('c1')]],
  ['two uploads of one artifact', [piece('f1'), piece('f1')]],
  ['an upload and a deletion', [piece('f1'), drop('f1')]],
])('%s go one after the other', (_what, group) => {
  expect(rounds(group)).toEqual(group.map((write) => [write]));
});

test('the order is kept, and a new round begins where it has to', () => {
  const group = [append('r1'), take('r2'), append('r2'), append('r1'), take('r1'), append('r2')];

  expect(rounds(group).map((round) => round.length)).toEqual([2, 2, 2]);
  expect(rounds(group).flat()).toEqual(group);
});

test('no writes are no rounds', () => {
  expect(rounds([])).toEqual([]);
});
