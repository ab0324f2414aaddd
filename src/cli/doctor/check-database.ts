import type { Limits } from '../../context/limits.ts';
import type { ResolvedStore } from '../../startup/resolve-config.ts';
import { openToRead } from '../store-to-read.ts';
import { failure, finding, type Finding } from './finding.ts';

/** Whether the database can be reached, is ready for this version, and what its runs do. */
export async function* checkDatabase(
  kept: Extract<ResolvedStore, { readonly kind: 'postgres' }>,
  limits: Limits,
): AsyncGenerator<Finding> {
  try {
    await using store = await openToRead(kept, limits);
    const { length } = await store.unfinished();
    const runs = length === 0 ? 'every run has ended' : `${length} runs have not ended`;
    yield finding('ok', 'store', `${store.description}; ${runs}`);
  } catch (error) {
    yield failure('store', error);
  }
}
