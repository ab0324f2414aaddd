/** What of Vitest's state in a worker is looked at. It is not part of its documented surface. */
interface WorkerState {
  readonly filepath?: unknown;
  readonly config?: { readonly isolate?: unknown; readonly maxWorkers?: unknown } | undefined;
  readonly ctx?: { readonly files?: unknown } | undefined;
}

/**
 * Whether this process runs no other test file after the one that runs now, as far as it can know: with several workers
 * and without isolation nobody tells it. Vitest hears of what goes wrong after the last file only by luck (5.1: the run
 * is over when it is, and the worker is ended beside that), so what a process shares is closed in the last file.
 */
export function isLastFile(): boolean {
  const { __vitest_worker__: state } = globalThis as { readonly __vitest_worker__?: WorkerState };
  if (state?.config?.isolate === true) return true;
  const files = state?.ctx?.files;
  if (state?.config?.maxWorkers !== 1 || !Array.isArray(files)) return false;
  const last: unknown = files.at(-1);
  const path = typeof last === 'object' && last !== null && 'filepath' in last ? last.filepath : last;
  return path !== undefined && path === state.filepath;
}
