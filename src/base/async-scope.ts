import { AsyncLocalStorage } from 'node:async_hooks';

/** What the current async scope belongs to: a test fixture enters one, and so does the engine around an agent's code. */
export interface AsyncScope {
  /** What `getExecutionEngineFactory()` resolves to here. Opaque at this depth. */
  readonly factory: object | undefined;
  /** For log lines. */
  readonly runId?: string;
  /** Whose run it is. For log lines, and to say who a test's model was asked by. */
  readonly userId?: string;
}

/**
 * For the accessor and for log correlation only, never for ownership: it does
 * not cross a socket. Ownership is an argument.
 */
export const asyncScope: AsyncLocalStorage<AsyncScope> = new AsyncLocalStorage<AsyncScope>();
