import { test as kit } from '../../../../src/testing/vitest/index.ts';
import { echo } from '../agents.ts';

const options = { config: { agents: [echo] } };

/** What both files extend. */
export const test = kit.override('runtimeOptions', options);

/** The addresses that tests of this process saw. */
export const seen = ((globalThis as { seenAddresses?: Set<string> }).seenAddresses ??= new Set());
