import { resolveTestStore, type StoreName } from '../../src/testing/test-options.ts';

/** What the tests of this process run on; ENGINEHOUSE_TEST_STORE says, to the kit as well. */
export const testStore: StoreName = resolveTestStore(undefined).kind;
