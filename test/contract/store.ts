/**
 * What every `Store` promises: the comments of `src/event/store.ts`, in code.
 * Call it from an adapter's own test with a way to open a fresh store.
 */

import { describe } from 'vitest';

import { artifactsContract } from './store/artifacts.ts';
import { commandsContract } from './store/commands.ts';
import { leasesContract } from './store/leases.ts';
import { logContract } from './store/log.ts';
import { ownersContract } from './store/owners.ts';
import { runsContract } from './store/runs.ts';
import type { OpenStore } from './store/samples.ts';
import { threadsContract } from './store/threads.ts';

export function storeContract(name: string, open: OpenStore): void {
  describe(`${name} keeps the Store contract`, () => {
    describe('log', () => logContract(open));
    describe('runs', () => runsContract(open));
    describe('leases', () => leasesContract(open));
    describe('commands', () => commandsContract(open));
    describe('artifacts', () => artifactsContract(open));
    describe('threads', () => threadsContract(open));
    describe('owners', () => ownersContract(open));
  });
}
